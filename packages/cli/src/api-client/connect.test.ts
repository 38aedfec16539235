import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { connect } from './connect.ts';

const CREDENTIALS = { url: 'http://127.0.0.1:4400', operatorToken: 'of-the-folder', sdkToken: 'sdk' };

let folder = '';
let data = '';
let server: Server | null = null;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'theseus-connect-'));
  data = join(folder, '.theseus');
  await mkdir(data);
  vi.stubEnv('THESEUS_URL', '');
  vi.stubEnv('THESEUS_TOKEN', '');
});

afterEach(async () => {
  vi.unstubAllEnvs();
  server?.close();
  await rm(folder, { recursive: true, force: true });
});

const keep = (credentials: object) => writeFile(join(data, 'credentials.json'), JSON.stringify(credentials));

/** A server that notes the tokens it is shown. */
async function listening(): Promise<{ readonly url: string; readonly tokens: readonly string[] }> {
  const tokens: string[] = [];
  const made = createServer((request, response) => {
    tokens.push(request.headers.authorization ?? '');
    response.end(JSON.stringify({ runs: [] }));
  });
  server = made;
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(made.address() as AddressInfo).port}`, tokens };
}

describe('connect()', () => {
  it('takes options before the environment, and that before the server of the folder', async () => {
    await keep(CREDENTIALS);
    expect((await connect({ data })).url).toBe('http://127.0.0.1:4400');
    vi.stubEnv('THESEUS_URL', 'http://127.0.0.1:9999/');
    vi.stubEnv('THESEUS_TOKEN', 'env');
    expect((await connect({ data })).url).toBe('http://127.0.0.1:9999');
    expect((await connect({ data, url: 'http://127.0.0.1:8888/' })).url).toBe('http://127.0.0.1:8888');
  });

  it('takes what is set to nothing as not set', async () => {
    await expect(connect({ data })).rejects.toThrow('No server is known here');
    await keep(CREDENTIALS);
    expect((await connect({ data })).url).toBe('http://127.0.0.1:4400');
  });

  it("never shows the folder's token to a server that was named instead", async () => {
    await keep(CREDENTIALS);
    await expect(connect({ data, url: 'http://127.0.0.1:8888' })).rejects.toMatchObject({ code: 'unauthorized' });
    const { url, tokens } = await listening();
    await keep({ ...CREDENTIALS, url });
    await (await connect({ data, url: `${url}/` })).runs(1);
    await (await connect({ data, token: 'given' })).runs(1);
    expect(tokens).toEqual(['Bearer of-the-folder', 'Bearer given']);
  });

  it('knows no server where one is only about to start', async () => {
    await keep({ ...CREDENTIALS, url: '' });
    await expect(connect({ data })).rejects.toThrow('No server is known here');
  });

  it.each(['garbage', '', 'ftp://theseus.example'])("refuses '%s' as an address", async (url) => {
    await expect(connect({ data, url, token: 't' })).rejects.toMatchObject({ code: 'invalid-argument' });
  });
});
