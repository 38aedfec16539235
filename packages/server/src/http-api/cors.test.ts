import { describe, expect, it } from 'vitest';
import { createHttpApi } from './http-api.ts';
import type { HttpApiParts } from './http-api-parts.ts';

const PAGE = 'https://app.example';
const DOCUMENT = { version: 3, flags: {}, segments: {}, flushEveryMs: 5_000 };

function given(corsOrigins?: readonly string[]) {
  const holder = { name: 'sdk', role: 'sdk', key: 'k' };
  const api = createHttpApi({
    tokens: {
      authenticate: async (token: string) => (token === 'good' ? holder : null),
      bearers: async () => [holder],
    },
    flags: { document: () => DOCUMENT, onChange: () => () => undefined },
    log: () => undefined,
    now: () => 0,
    ...(corsOrigins === undefined ? {} : { settings: { corsOrigins } }),
  } as unknown as HttpApiParts);
  const preflight = (path: string, origin: string) =>
    api.request(path, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } });
  const evaluate = (origin: string | undefined, token = 'good') =>
    api.request('/ofrep/v1/evaluate/flags', {
      method: 'POST',
      body: '{"context":{"targetingKey":"ada"}}',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        ...(origin === undefined ? {} : { origin }),
      },
    });
  return { preflight, evaluate };
}

const allowed = (answer: Response) => answer.headers.get('access-control-allow-origin');

describe('cors()', () => {
  it('lets a page of a listed origin evaluate, and read the tag and when to come back [CO-2]', async () => {
    const { preflight, evaluate } = given([PAGE, 'http://localhost:5173']);
    const asked = await preflight('/ofrep/v1/evaluate/flags', PAGE);
    expect([asked.status, allowed(asked)]).toEqual([204, PAGE]);
    expect(asked.headers.get('access-control-allow-headers')).toContain('authorization');
    const answer = await evaluate(PAGE);
    expect([answer.status, allowed(answer)]).toEqual([200, PAGE]);
    expect(answer.headers.get('access-control-expose-headers')).toBe('etag, retry-after');
    expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
  });

  it('lets such a page read why it was refused', async () => {
    const answer = await given([PAGE]).evaluate(PAGE, 'bad');
    expect([answer.status, allowed(answer)]).toEqual([401, PAGE]);
    expect(await answer.json()).toEqual({ errorCode: 'GENERAL', errorDetails: 'The token is not known here' });
  });

  it.each([
    ['another origin', [PAGE], 'https://app.example.evil.test'],
    ['another port', [PAGE], 'https://app.example:8443'],
    ['another scheme', [PAGE], 'http://app.example'],
    ['a page without an origin', [PAGE], 'null'],
    ['any origin where none is listed', undefined, PAGE],
  ])('says nothing to %s', async (_what, origins, origin) => {
    const { preflight, evaluate } = given(origins);
    const asked = await preflight('/ofrep/v1/evaluate/flags', origin);
    expect([asked.status, allowed(asked)]).toEqual([401, null]);
    expect(allowed(await evaluate(origin))).toBeNull();
  });

  it('opens evaluation only', async () => {
    const { preflight } = given([PAGE]);
    for (const path of ['/api/v1/runs', '/api/v1/flags', '/api/v1/telemetry', '/openapi.json']) {
      expect(allowed(await preflight(path, PAGE))).toBeNull();
    }
  });

  it('tells caches that the answer depends on who asks, also where it is no page', async () => {
    const { evaluate } = given([PAGE]);
    for (const origin of [PAGE, 'https://other.example', undefined]) {
      expect((await evaluate(origin)).headers.get('vary')).toMatch(/origin/);
    }
  });
});
