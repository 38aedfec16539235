import { afterEach, describe, expect, it, vi } from 'vitest';
import { createHttpApi } from './http-api.ts';
import type { HttpApiParts } from './http-api-parts.ts';
import { type Listening, listen } from './listen.ts';

let listening: Listening | undefined;
const opened: AbortController[] = [];

afterEach(async () => {
  for (const abort of opened.splice(0)) abort.abort();
  await listening?.close();
});

async function serve(settings: { maxStreams: number; maxStreamsPerToken: number }) {
  const api = createHttpApi({
    tokens: { authenticate: async (token: string) => ({ name: token, role: 'operator', key: 'k' }) },
    flags: {
      document: () => ({ version: 1, flags: {}, segments: {}, flushEveryMs: 1 }),
      onChange: () => () => undefined,
    },
    log: () => undefined,
    now: () => 0,
    settings,
  } as unknown as HttpApiParts);
  listening = await listen(api, { host: '127.0.0.1', port: 0 });
  return listening.url;
}

async function open(url: string, token: string) {
  const abort = new AbortController();
  opened.push(abort);
  const headers = { authorization: `Bearer ${token}` };
  const answer = await fetch(`${url}/api/v1/flags/stream`, { headers, signal: abort.signal });
  return { answer, close: () => abort.abort() };
}

describe('OpenStreams', () => {
  it('refuses one stream too many of a token with 429, and of all with 503, both with when to come back', async () => {
    const url = await serve({ maxStreams: 3, maxStreamsPerToken: 2 });
    for (const token of ['front', 'front', 'back']) expect((await open(url, token)).answer.status).toBe(200);
    const own = (await open(url, 'front')).answer;
    expect([own.status, own.headers.get('retry-after')]).toEqual([429, '1']);
    expect(await own.json()).toMatchObject({ error: { message: expect.stringContaining("'front' has 2 streams") } });
    const all = (await open(url, 'back')).answer;
    expect([all.status, all.headers.get('retry-after')]).toEqual([503, '10']);
    expect(await all.json()).toMatchObject({
      error: { code: 'overloaded', message: expect.stringContaining('3 streams') },
    });
    const polled = await fetch(`${url}/api/v1/flags`, { headers: { authorization: 'Bearer front' } });
    expect(polled.status).toBe(200);
  });

  it('has room again when one has gone', async () => {
    const url = await serve({ maxStreams: 1, maxStreamsPerToken: 1 });
    const first = await open(url, 'front');
    expect((await open(url, 'front')).answer.status).toBe(429);
    first.close();
    await vi.waitFor(async () => expect((await open(url, 'front')).answer.status).toBe(200), { timeout: 8_000 });
  });

  it('counts nobody who asks for the head alone, and answers once', async () => {
    const complaints = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const url = await serve({ maxStreams: 1, maxStreamsPerToken: 1 });
    const headers = { authorization: 'Bearer front' };
    for (let asked = 0; asked < 3; asked += 1) {
      expect((await fetch(`${url}/api/v1/flags/stream`, { method: 'HEAD', headers })).status).toBe(200);
    }
    expect(complaints).not.toHaveBeenCalled();
  });
});
