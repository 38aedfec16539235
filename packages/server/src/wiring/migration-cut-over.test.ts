import type { FlagDocument } from '@theseus/core/flag';
import { type Plan, parsePlan } from '@theseus/core/plan';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestSystem, until } from '../../test-support/test-system.ts';

const SOURCE = `
plan: moving
cohort: userId
signals: { errors: { telemetry: error-rate }, agreement: { telemetry: agreement-rate } }
gates: { g: { every: 1s, rules: [ errors > 50%: rollback now, agreement < 99.5%: hold ] } }
flags: { cache: { migration: { compare: 100% } } }
phases:
  - phase: store
    steps:
      - { stage: cache, to: dualwrite, gate: g, through: [100%], soak: 1s }
      - { stage: cache, to: shadow, gate: g, through: [100%], soak: 1s }
      - { stage: cache, to: live, gate: g, through: [100%], soak: 1s }
`;

let system: TestSystem;

beforeAll(async () => {
  system = await TestSystem.begin();
}, 60_000);

afterAll(async () => {
  await system?.end();
});

function planOf(environment: string): Plan {
  const { plan, diagnostics } = parsePlan(SOURCE, { file: 'plan.yaml' });
  if (plan === null) throw new Error(JSON.stringify(diagnostics));
  return { ...plan, environment };
}

/** One instance of a program that migrates: it serves what is decided at once, and is asked all the time. */
function program(environment: string) {
  let sequence = 0;
  let equal = 0;
  let different = 0;
  const state = { owesAtShadow: 0, agrees: true };
  const tick = async (): Promise<void> => {
    sequence += 1;
    if (state.agrees) equal += 10;
    else different += 10;
    const { body } = await system.call<FlagDocument>('GET', `/api/v1/flags?environment=${environment}`);
    // In the batch that says the stage is served: nobody can go live before it is known.
    const isAtShadow = body.flags['cache']?.migration?.stages.legacy === 'shadow';
    const arm = { requests: sequence * 10, errors: 0, fallbacks: 0, latency: [] };
    const path = { path: '$.price', kind: 'changed', count: different, samples: [{ legacy: 'a', candidate: 'b' }] };
    await system.call('POST', '/api/v1/telemetry', {
      instance: 'one',
      service: 'shop',
      environment,
      sequence,
      servedVersion: body.version,
      flags: {
        cache: {
          legacy: arm,
          candidate: arm,
          repairs: { pending: isAtShadow ? state.owesAtShadow : 0, failed: 0 },
          differences: {
            compared: equal + different,
            equal,
            different,
            dropped: 0,
            timedOut: 0,
            shadowFailed: 0,
            paths: different === 0 ? [] : [path],
          },
        },
      },
    });
  };
  return { state, tick };
}

describe('a migration on a server', () => {
  it('is cut over only once what instances report to owe is repaired [CV-6] [CV-9]', async () => {
    const { state, tick } = program('default');
    state.owesAtShadow = 12;
    const run = await system.run(planOf('default'));
    const step = async (id: string) =>
      (await system.view(run)).phases.flatMap(({ steps }) => steps).find((known) => known.id === id);
    await until(async () => (await step('store/cache-live'))?.hold?.reason === 'unrepaired', tick);
    const { waits, flags } = await system.view(run);
    expect(waits.map(({ text }) => text).join()).toContain('12 failed second writes wait to be repaired');
    expect(flags.find(({ key }) => key === 'cache')?.exposurePercent).toBe(0);
    state.owesAtShadow = 0;
    await until(async () => (await step('store/cache-live'))?.status === 'completed', tick);
    const moved = await system.eventsOf(run, 'flag.stage-changed');
    expect(moved.map(({ to }) => to)).toEqual(['dualwrite', 'shadow', 'live']);
  }, 60_000);

  it('is held while its sides agree too seldom, and shows where they do not [CV-14]', async () => {
    const { state, tick } = program('staging');
    state.agrees = false;
    const run = await system.run(planOf('staging'));
    await until(async () => (await system.view(run)).waits.some(({ text }) => text.includes('agreement')), tick);
    const { status, body } = await system.call<{ totals: object; paths: { path: string }[] }>(
      'GET',
      '/api/v1/flags/cache/differences?environment=staging',
    );
    expect(status).toBe(200);
    expect(body.paths.map(({ path }) => path)).toEqual(['$.price']);
    expect(await system.call('GET', '/api/v1/flags/unknown/differences')).toMatchObject({ status: 404 });
  }, 60_000);
});
