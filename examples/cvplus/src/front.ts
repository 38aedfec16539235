import { createTheseus } from '@theseus/sdk';
import { type Listening, liveWithParent, messageFromParent, tellParent } from './child-life.ts';
import { createFrontServer, type ServiceUrls } from './front-server.ts';
import { closeServer, listen } from './http-listening.ts';
import { ServiceClient } from './service-client.ts';

/** What the front has to be told before it can begin. By message, for a token has no place on a command line. */
export interface ConfigureFront {
  readonly kind: 'configure-front';
  readonly theseusUrl: string;
  readonly theseusToken: string;
  readonly cacheFolder: string;
  readonly services: ServiceUrls;
}

/** Longer than any service takes on a busy machine, shorter than anybody waits for a page. */
const SERVICE_TIMEOUT_MS = 10_000;
const SOCKETS_PER_SERVICE = 64;
/** How long the front waits for its flags before it serves; without them it answers from legacy. */
const FLAGS_WAIT_MS = 3_000;

const { theseusUrl, theseusToken, cacheFolder, services } = await messageFromParent<ConfigureFront>('configure-front');
const theseus = createTheseus({ url: theseusUrl, token: theseusToken, service: 'front', cacheFolder });
const client = new ServiceClient({ timeoutMs: SERVICE_TIMEOUT_MS, maxSockets: SOCKETS_PER_SERVICE });
const server = createFrontServer({ theseus, services, client });
liveWithParent(async () => {
  await closeServer(server);
  await theseus.close();
  client.close();
});
await theseus.ready(FLAGS_WAIT_MS);
tellParent<Listening>({ kind: 'listening', url: await listen(server) });
