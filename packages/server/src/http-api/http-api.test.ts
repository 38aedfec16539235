import { describe, expect, it } from 'vitest';
import { createHttpApi } from './http-api.ts';
import type { HttpApiParts } from './http-api-parts.ts';

const DOCUMENT = { version: 3, flags: {}, segments: {}, flushEveryMs: 5_000 };

function given() {
  const received: unknown[] = [];
  const receive = async (what: unknown): Promise<never[]> => {
    received.push(what);
    return [];
  };
  const api = createHttpApi({
    tokens: { authenticate: async () => ({ name: 'ada', role: 'operator', key: 'k' }) },
    flags: { document: () => DOCUMENT, onChange: () => () => undefined },
    telemetry: { receive },
    runs: { events: receive },
    log: () => undefined,
    now: () => 0,
  } as unknown as HttpApiParts);
  const ask = (path: string, init: RequestInit = {}) =>
    api.request(path, {
      ...init,
      headers: { authorization: 'Bearer t', 'content-type': 'application/json', ...init.headers },
    });
  return { ask, received };
}

const telemetry = (service: string) => ({
  method: 'POST',
  body: JSON.stringify({ instance: 'i', service, sequence: 1, servedVersion: 1, flags: {} }),
});

describe('createHttpApi()', () => {
  it('looks for a version that an event of OFREP named before it answers, and only for one it has not heard of', async () => {
    let version = 3;
    let looked = 0;
    const api = createHttpApi({
      tokens: { authenticate: async () => ({ name: 'ada', role: 'sdk', key: 'k' }) },
      flags: {
        document: () => ({ ...DOCUMENT, version }),
        refresh: async () => {
          version = 7;
          looked += 1;
        },
        onChange: () => () => undefined,
      },
      now: () => 0,
    } as unknown as HttpApiParts);
    const told = async (etag: string) => {
      const answer = await api.request(`/ofrep/v1/evaluate/flags?flagConfigEtag=${encodeURIComponent(etag)}`, {
        method: 'POST',
        body: '{"context":{}}',
        headers: { authorization: 'Bearer t', 'content-type': 'application/json' },
      });
      return ((await answer.json()) as { metadata: { version: number } }).metadata.version;
    };
    expect([await told('"v3"'), await told('nonsense'), looked]).toEqual([3, 3, 0]);
    expect([await told('"v7"'), await told('"v7"'), looked]).toEqual([7, 7, 1]);
  });

  it('refuses a NUL, which PostgreSQL cannot keep, before it reaches whoever shares the commit', async () => {
    const { ask, received } = given();
    const answers = [
      await ask('/api/v1/telemetry', telemetry('a\0b')),
      await ask('/api/v1/telemetry', telemetry('\\\0')),
      await ask('/api/v1/runs/a%00b/events'),
    ];
    for (const answer of answers) {
      expect(answer.status).toBe(400);
      expect(await answer.json()).toMatchObject({ error: { code: 'invalid-argument' } });
    }
    expect(received).toEqual([]);
    expect((await ask('/api/v1/telemetry', telemetry('\\u0000'))).status).toBe(200);
  });

  it('says how to prove who one is', async () => {
    const answer = await given().ask('/api/v1/flags', { headers: { authorization: '' } });
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
  });

  it.each(['"v3"', 'W/"v3"', '"v2", W/"v3"', '*'])('takes If-None-Match: %s for the version it has', async (tags) => {
    const { ask } = given();
    const answer = await ask('/api/v1/flags', { headers: { 'if-none-match': tags } });
    expect([answer.status, answer.headers.get('etag')]).toEqual([304, '"v3"']);
  });

  it.each(['"v2"', 'v3', '"v33"', ''])('takes If-None-Match: %s for another version', async (tags) => {
    const { ask } = given();
    expect((await ask('/api/v1/flags', { headers: { 'if-none-match': tags } })).status).toBe(200);
  });

  it.each([
    ['a body that is no JSON', '', '{', 'PARSE_ERROR'],
    ['a body without a context', '', '{}', 'INVALID_CONTEXT'],
    ['an environment that is no name', '?environment=NO', '{"context":{}}', 'GENERAL'],
  ])('refuses %s in the words of OFREP, with the flag that was asked about', async (_what, query, body, errorCode) => {
    const { ask } = given();
    const single = await ask(`/ofrep/v1/evaluate/flags/a%2Fb${query}`, { method: 'POST', body });
    expect([single.status, await single.json()]).toMatchObject([400, { key: 'a/b', errorCode }]);
    const bulk = await ask(`/ofrep/v1/evaluate/flags${query}`, { method: 'POST', body });
    expect([bulk.status, await bulk.json()]).toMatchObject([400, { errorCode }]);
  });
});
