import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { createPageServer } from './page-server.ts';

const {
  THESEUS_URL = 'http://127.0.0.1:4400',
  THESEUS_SDK_TOKEN = '',
  FLAG = 'new-checkout',
  PORT = '5180',
} = process.env;
if (THESEUS_SDK_TOKEN === '') {
  process.stderr.write("browser example: set THESEUS_SDK_TOKEN to the sdk token that 'theseus serve' showed\n");
  process.exit(2);
}
const server = createPageServer({
  folder: fileURLToPath(new URL('../dist/page/', import.meta.url)),
  theseusUrl: THESEUS_URL,
  theseusToken: THESEUS_SDK_TOKEN,
  flag: FLAG,
});
server.listen(Number(PORT), '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(
    `The page is at http://127.0.0.1:${port}: start theseus with --cors-origin http://127.0.0.1:${port}\n`,
  );
});
