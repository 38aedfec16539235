import { parsePlan } from '@theseus/core/plan';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTheseus, type TheseusClient } from '../../../sdk/src/theseus-client.ts';
import { TestSystem, until } from '../../../server/test-support/test-system.ts';
import { type Ended, lines, theseus } from '../../test-support/command-line.ts';

const PLAN = `plan: replying
cohort: userId
signals: { errors: { telemetry: error-rate }, response-rate: { goal: replied } }
gates: { standard: { every: 30s, rules: [ errors > 50%: rollback now ] } }
flags:
  reply-style: { variants: [short, long], metrics: [response-rate] }
  other: {}
phases:
  - phase: one
    steps:
      - { ramp: reply-style, gate: standard, through: [60%], soak: 1h }
      - { ramp: other, gate: standard, through: [10%], soak: 1h }
`;

let system: TestSystem;
let client: TheseusClient;
let runId = '';

const cli = (...args: readonly string[]): Promise<Ended> =>
  theseus(...args, '--url', system.url, '--token', system.tokens.operator);

beforeAll(async () => {
  system = await TestSystem.begin();
}, 60_000);

afterAll(async () => {
  await client?.close();
  await system?.end();
});

describe('theseus compare', () => {
  it('says what to do where there is no run, and which there are where none is meant', async () => {
    expect(await cli('compare')).toMatchObject({ code: 1, err: expect.stringContaining('There is no run yet') });
    const { err, code } = await cli('compare', 'nothing');
    expect({ code, err }).toMatchObject({ code: 1, err: expect.stringContaining("no run and no flag 'nothing'") });
  });

  it('has no result before anybody was exposed, and says so', async () => {
    const { plan } = parsePlan(PLAN, { file: 'plan.yaml' });
    if (plan === null) throw new Error('the plan is not valid');
    runId = await system.run(plan);
    const { out, code } = await cli('compare', runId);
    expect({ code, out }).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^reply-style, response-rate .*: no result, nobody was exposed yet/),
    });
    expect((await cli('compare', 'other')).out).toContain(`Flag 'other' in run ${runId} measures nothing`);
  });

  it('shows each variant against legacy, by run or by flag, and as JSON [CO-7]', async () => {
    client = createTheseus({ url: system.url, token: system.tokens.sdk, service: 'front', log: () => undefined });
    await client.ready();
    await until(
      async () => client.version === (await system.call<{ version: number }>('GET', '/api/v1/flags')).body.version,
    );
    for (let user = 0; user < 3_000; user += 1) {
      const context = { userId: `user-${user}` };
      const variant = client.variant('reply-style', context);
      if (user % 10 < (variant === 'short' ? 6 : 3)) client.track('replied', context);
    }
    await client.close();
    const byFlag = await cli('compare', 'reply-style');
    expect(byFlag.out).toMatch(/^reply-style, response-rate \(goal replied, higher is better\), against legacy:\n/);
    expect(byFlag.out).toMatch(
      /\n {2}short: better, (5[5-9]|6\d)(\.\d)? % of \d+ users, on legacy (2[5-9]|3\d)(\.\d)? %/,
    );
    expect(byFlag.out).toMatch(/\n {2}long: no difference shown/);
    expect((await cli('compare')).out).toBe(byFlag.out);
    const json = lines(await cli('compare', runId, '--json'));
    expect(json).toEqual([
      expect.objectContaining({
        kind: 'metric',
        run: runId,
        flag: 'reply-style',
        name: 'response-rate',
        problem: null,
      }),
    ]);
    expect((await cli('judge', 'explain', runId)).out).toContain('  short: better, ');
    expect((await cli('report', runId)).out).toContain('## Metrics');
  });
});
