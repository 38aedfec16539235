import { describe, expect, it } from 'vitest';
import { RolloutWorld } from '../../test-support/rollout-world.ts';
import { parsePlan } from '../plan/index.ts';
import { viewOf } from './view-of.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

function begun(text: string): RolloutWorld {
  const { plan, diagnostics } = parsePlan(text, { file: 'plan.yaml' });
  if (plan === null) throw new Error(JSON.stringify(diagnostics));
  const world = new RolloutWorld(plan);
  world.finishEffects({ baselines: { '*': { latency: 100 } } });
  world.confirm();
  return world;
}

/** Lives on, and lets instances serve and workers do whatever is decided. */
function live(world: RolloutWorld, ms: number, readings: Readonly<Record<string, number>>): void {
  const end = world.now + ms;
  while (world.now < end) {
    world.live(Math.min(MINUTE, end - world.now), readings);
    world.confirm();
    world.finishEffects();
  }
}

const holds = ({ state }: RolloutWorld): readonly (string | undefined)[] =>
  Object.values(state.steps).flatMap(({ hold }) => (hold === null ? [] : [hold.reason]));
const messages = ({ events }: RolloutWorld): readonly string[] =>
  events.flatMap((event) =>
    event.type === 'effect.requested' && event.effect.request.kind === 'message' ? [event.effect.request.text] : [],
  );

/** Two waves of a migration, as the thresholds of a real one are written. */
const WAVES = `
plan: phoenix
cohort: account
signals:
  failures: { reported: true, unit: percent, freshFor: 1d }
  validated: { reported: true, unit: percent, freshFor: 1d }
  latency: { telemetry: latency-p95 }
  negative: { reported: true, unit: percent, freshFor: 1d }
gates:
  wave:
    every: 10s
    rules:
      - latency > 1.2x baseline for 4h: rollback phase now
      - failures > 5%: hold until validated >= 98%
      - negative > 10%: hold
channels: { steering: { console: true } }
messages: { unhappy: 'Users complain: {{ trouble.reason }}' }
contingencies:
  unhappy:
    title: more than a tenth of the feedback is negative
    when: negative > 10%
    do: [{ notify: steering, message: unhappy }]
flags: { first: {}, second: {} }
phases:
  - phase: prepare
    steps: [{ baseline: { over: 24h } }]
  - phase: wave-1
    steps: [{ ramp: first, gate: wave, through: [100%], soak: 10m }]
  - phase: wave-2
    steps: [{ ramp: second, gate: wave, through: [50%, 100%], soak: 12h }]
`;
const WELL = { failures: 1, validated: 99, latency: 100, negative: 2 };

/** In the middle of the second wave. */
function secondWave(): RolloutWorld {
  const world = begun(WAVES);
  live(world, 30 * MINUTE, WELL);
  expect([world.exposure('first'), world.exposure('second')]).toEqual([100, 50]);
  return world;
}

describe('validation failures above 5 %', () => {
  it('pause at once, and validation that passes 98 % lets it go on, not less [PX-9]', () => {
    const world = secondWave();
    world.live(10_000, { ...WELL, failures: 5.1, validated: 94.9 });
    expect(holds(world)).toEqual(['gate']);
    expect(world.last('step.held').reason).toBe('failures 5.1 % breaks failures > 5% (5 %), by 1000 requests');
    const { soakedMs } = world.watches.get('wave-2/second') ?? {};
    live(world, HOUR, { ...WELL, failures: 3, validated: 97 });
    expect(holds(world)).toEqual(['gate']);
    const [health] = viewOf(world.state, world.watches, world.now).phases.flatMap(({ steps }) =>
      steps.flatMap((step) => step.health),
    );
    expect(health?.explanation.headline).toBe('failures > 5%: held until validated >= 98%, and it is 97 %');
    expect(health?.soakedMs).toBe(soakedMs);
    live(world, 10_000, { ...WELL, validated: 98 });
    expect(holds(world)).toEqual([]);
    expect(world.types()).not.toContain('rollback.initiated');
    live(world, 25 * HOUR, WELL);
    expect(world.state.outcome).toBe('succeeded');
  });

  it('are not over while nobody can tell how validation went [PX-9]', () => {
    const world = secondWave();
    world.live(10_000, { ...WELL, failures: 40 });
    world.live(HOUR, { ...WELL, validated: { status: 'no-data', value: null, problem: 'nobody has reported it yet' } });
    expect(holds(world)).toEqual(['gate']);
    world.live(HOUR, { ...WELL, validated: { value: 100, sample: 3 } });
    expect(holds(world)).toEqual(['gate']);
    world.live(10_000, WELL);
    expect(holds(world)).toEqual([]);
  });
});

describe('performance that is a fifth worse', () => {
  it('takes back the latest wave when it is not resolved in four hours, and no other [PX-9]', () => {
    const world = secondWave();
    live(world, 4 * HOUR - MINUTE, { ...WELL, latency: 121 });
    expect(world.types()).not.toContain('rollback.initiated');
    live(world, 2 * MINUTE, { ...WELL, latency: 121 });
    expect(world.last('rollback.initiated')).toMatchObject({ scope: 'phase', target: 'wave-2' });
    expect([world.exposure('first'), world.exposure('second')]).toEqual([100, 0]);
  });

  it.each([
    ['resolved in time', 121, 99],
    ['not a fifth', 119, 119],
  ])('takes nothing back when it is %s [PX-9]', (_what, worse, after) => {
    const world = secondWave();
    live(world, 3.9 * HOUR, { ...WELL, latency: worse });
    live(world, MINUTE, { ...WELL, latency: after });
    live(world, 3.9 * HOUR, { ...WELL, latency: worse });
    expect(world.types()).not.toContain('rollback.initiated');
  });
});

describe('negative feedback above 10 %', () => {
  it('pauses and tells the steering committee, once, and takes nothing back [PX-9]', () => {
    const world = secondWave();
    live(world, HOUR, { ...WELL, negative: 11 });
    expect(holds(world)).toEqual(['gate']);
    expect(messages(world)).toEqual(['Users complain: more than a tenth of the feedback is negative']);
    expect(world.types()).not.toContain('rollback.initiated');
    live(world, MINUTE, { ...WELL, negative: 10 });
    expect(holds(world)).toEqual([]);
  });
});

const SATISFACTION = `
plan: phases
cohort: account
signals: { satisfaction: { reported: true, unit: percent, freshFor: 7d } }
gates: { happy: { every: 1m, rules: [satisfaction <= 90%: hold] } }
flags: { second: {} }
phases:
  - phase: one
    steps:
      - { watch: { for: 10m }, gate: happy, name: ask }
  - phase: two
    steps: [{ ramp: second, gate: happy, through: [100%], soak: 1m }]
`;

describe('satisfaction', () => {
  it.each([
    ['is 90 %', 90],
    ['is silent', { status: 'no-data', value: null, problem: 'nobody has reported it yet' } as const],
    ['is a fortnight old', { status: 'stale', ageMs: 14 * 24 * HOUR } as const],
  ])('keeps the next phase from beginning while it %s [PX-15]', (_what, satisfaction) => {
    const world = begun(SATISFACTION);
    world.live(6 * HOUR, { satisfaction });
    expect(world.state.phases['two']?.status).toBe('pending');
    expect(world.exposure('second')).toBe(0);
    expect(holds(world)).toHaveLength(1);
  });

  it('above 90 % lets it begin, by itself [PX-15]', () => {
    const world = begun(SATISFACTION);
    world.live(HOUR, { satisfaction: 89 });
    live(world, 20 * MINUTE, { satisfaction: 91 });
    expect(world.exposure('second')).toBe(100);
    expect(world.state.outcome).toBe('succeeded');
  });
});

const DEPTHS = [
  ['first-two-minutes', '2m', 50, 20],
  ['first-five-minutes', '3m', 20, 10],
  ['first-quarter', '10m', 10, 5],
  ['first-hour', '45m', 10, 5],
] as const;

const LAUNCH = `
plan: launch
cohort: userId
signals: { errors: { telemetry: error-rate } }
gates:
  deploy: { every: 10s, rules: [errors > 90%: rollback now] }
${DEPTHS.map(([name, , red, yellow]) => `  ${name}: { every: 10s, rules: [errors > ${red}%: rollback plan now, errors > ${yellow}%: warn] }`).join('\n')}
flags: { review: {} }
phases:
  - phase: deploy
    steps: [{ ramp: review, gate: deploy, through: [100%], soak: 10s }]
${DEPTHS.map(([name, forMs]) => `  - phase: ${name}\n    steps: [{ watch: { for: ${forMs}, flags: [review] }, gate: ${name} }]`).join('\n')}
  - phase: done
    steps: [{ wait: 1m }]
`;

/** The launch right when a depth of its verification has begun. */
function launchedTo(depth: string): RolloutWorld {
  const world = begun(LAUNCH);
  while (world.state.phases[depth]?.status === 'pending') live(world, 10_000, { errors: 0.5 });
  return world;
}

describe.each(DEPTHS)('the verification at the depth %s', (depth, _for, red, yellow) => {
  it('goes on when it is green, with nothing to follow up [QA-6]', () => {
    const world = launchedTo(depth);
    live(world, 2 * HOUR, { errors: 0.5 });
    expect(world.state.outcome).toBe('succeeded');
    expect(world.types()).not.toContain('step.warned');
    expect(world.exposure('review')).toBe(100);
  });

  it('goes on when it is yellow, and keeps what is to be followed up [QA-6]', () => {
    const world = launchedTo(depth);
    live(world, MINUTE, { errors: yellow + 1 });
    expect(world.state.phases[depth]?.status).toBe('running');
    const followUp = world.last('step.warned');
    expect(followUp).toMatchObject({ stepId: `${depth}/watch`, rules: `errors > ${yellow}%` });
    expect(followUp.reason).toContain(`errors ${yellow + 1} % breaks errors > ${yellow}%`);
    expect(followUp.evidence?.samples.at(-1)?.readings).toMatchObject([{ value: yellow + 1, source: 'test' }]);
    live(world, 2 * HOUR, { errors: 0.5 });
    expect(world.state.outcome).toBe('succeeded');
    expect(holds(world)).toEqual([]);
  });

  it('takes everybody back when it is red, at once [QA-6]', () => {
    const world = launchedTo(depth);
    world.live(10_000, { errors: red + 1 });
    expect(world.last('rollback.initiated')).toMatchObject({ scope: 'plan', target: 'launch' });
    expect(world.exposure('review')).toBe(0);
    live(world, HOUR, { errors: 0.5 });
    expect(world.state.outcome).toBe('rolled-back');
    expect(world.state.phases['done']?.status).not.toBe('completed');
  });
});
