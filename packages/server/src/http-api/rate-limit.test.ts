import { describe, expect, it } from 'vitest';
import { createHttpApi } from './http-api.ts';
import type { HttpApiParts } from './http-api-parts.ts';

function given(maxEvaluationsPerSecond: number) {
  const clock = { now: 1_000_000 };
  const api = createHttpApi({
    tokens: { authenticate: async (token: string) => ({ name: token, role: 'sdk', key: 'k' }) },
    flags: {
      document: () => ({ version: 1, flags: {}, segments: {}, flushEveryMs: 1 }),
      onChange: () => () => undefined,
    },
    log: () => undefined,
    now: () => clock.now,
    settings: { maxEvaluationsPerSecond },
  } as unknown as HttpApiParts);
  const ask = async (token = 'front') => {
    const answer = await api.request('/ofrep/v1/evaluate/flags/x', {
      method: 'POST',
      body: '{"context":{}}',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    });
    return answer;
  };
  const statuses = async (count: number, token?: string) => {
    const answers: number[] = [];
    for (let asked = 0; asked < count; asked += 1) answers.push((await ask(token)).status);
    return answers;
  };
  return { ask, statuses, clock };
}

describe('rateLimit()', () => {
  it('answers a second’s worth at once, then 429 with when to come back, then as many as time has earned [CO-2]', async () => {
    const { ask, statuses, clock } = given(4);
    expect(await statuses(5)).toEqual([404, 404, 404, 404, 429]);
    const refused = await ask();
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(await refused.json()).toMatchObject({
      errorCode: 'GENERAL',
      errorDetails: expect.stringContaining("'front'"),
    });
    clock.now += 500;
    expect(await statuses(3)).toEqual([404, 404, 429]);
    clock.now += 3_600_000;
    expect(await statuses(5)).toEqual([404, 404, 404, 404, 429]);
  });

  it('counts each token for itself', async () => {
    const { statuses } = given(1);
    expect(await statuses(2, 'front')).toEqual([404, 429]);
    expect(await statuses(2, 'back')).toEqual([404, 429]);
  });

  it('gives nothing away when the clock goes back, and nothing for ever', async () => {
    const { statuses, clock } = given(1);
    expect(await statuses(2)).toEqual([404, 429]);
    clock.now -= 3_600_000;
    expect(await statuses(1)).toEqual([429]);
    clock.now += 1_000;
    expect(await statuses(1)).toEqual([404]);
  });
});
