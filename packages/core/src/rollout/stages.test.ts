import { describe, expect, it } from 'vitest';
import { RolloutWorld } from '../../test-support/rollout-world.ts';
import { MIGRATION_STAGES, type MigrationStage } from '../flag/index.ts';
import { type Plan, parsePlan } from '../plan/index.ts';
import { foresee } from '../simulate/index.ts';
import { replay } from './evolve.ts';
import { stagesOfArms } from './migration-stage.ts';
import { viewOf } from './view-of.ts';

const MINUTE = 60_000;

const SOURCE = `
plan: moving
cohort: userId
signals: { errors: { telemetry: error-rate } }
gates: { g: { every: 10s, rules: [ errors > 5%: rollback now ] } }
risks: { careful: { through: [10%, 50%, 100%], soak: 2m } }
flags:
  cache: { risk: careful, migration: { compare: 10%, deadline: 300ms } }
  reader: { risk: careful, requires: [cache] }
phases:
  - phase: store
    steps:
      - { stage: cache, to: dualwrite, gate: g }
      - { stage: cache, to: shadow, gate: g }
      - { stage: cache, to: live, gate: g }
  - phase: use
    steps:
      - { ramp: reader, gate: g }
  - phase: close
    steps:
      - { stage: cache, to: rampdown, gate: g }
      - { stage: cache, to: complete, gate: g, approve: true, mitigation: the old store is kept for a year }
`;

function planOf(source = SOURCE): Plan {
  const { plan, diagnostics } = parsePlan(source, { file: 'plan.yaml' });
  if (plan === null) throw new Error(JSON.stringify(diagnostics));
  return plan;
}

function agree(world: RolloutWorld): void {
  const asking = Object.values(world.state.steps).find(({ approval }) => approval !== null);
  if (asking !== undefined) world.command({ verb: 'approve', stepId: asking.id });
}

/** Lets time pass while every instance serves at once what is decided. */
function live(world: RolloutWorld, ms: number, errors = 0.5): void {
  for (let left = ms; left > 0; left -= 10_000) {
    world.live(10_000, { errors });
    world.confirm();
    agree(world);
  }
}

/** A run that has come so far that everybody is at the stage. */
function reached(stage: MigrationStage, source?: string): RolloutWorld {
  const world = new RolloutWorld(planOf(source));
  world.confirm();
  for (let minutes = 0; minutes < 60 && world.state.flags['cache']?.stage !== stage; minutes += 1) {
    world.live(MINUTE);
    world.confirm();
    agree(world);
  }
  expect(world.state.flags['cache']?.stage).toBe(stage);
  return world;
}

const stages = (world: RolloutWorld) =>
  world.events.flatMap((event) => (event.type === 'flag.stage-changed' ? [`${event.from} → ${event.to}`] : []));

describe('steps of stages', () => {
  it('bring everybody through each stage in turn, by the exposures of the risk where the candidate goes live [CV-2]', () => {
    const world = new RolloutWorld(planOf());
    live(world, 40 * MINUTE);
    expect(world.state.outcome).toBe('succeeded');
    expect(stages(world)).toEqual(
      MIGRATION_STAGES.slice(1).map((stage, index) => `${MIGRATION_STAGES[index] ?? ''} → ${stage}`),
    );
    const exposures = world.events.flatMap((event) =>
      event.type === 'flag.exposure-changed' && event.flag === 'cache' ? [event.to / 1_000] : [],
    );
    expect(exposures).toEqual([100, 100, 10, 50, 100, 100, 100]);
    expect(world.state.flags['cache']).toMatchObject({ stage: 'complete', exposure: 0, hasLeftLegacy: true });
  });

  it('never change the stage of anybody but those who are exposed', () => {
    const world = reached('shadow');
    live(world, MINUTE);
    expect(world.exposure('cache')).toBe(10);
    expect(stagesOfArms(world.state, 'cache')).toEqual({ legacy: 'shadow', candidate: 'live' });
    expect(viewOf(world.state, world.watches, world.now).flags[0]).toMatchObject({
      exposurePercent: 10,
      migration: { stage: 'shadow', next: 'live' },
    });
    const done = reached('live');
    expect(stagesOfArms(done.state, 'cache')).toEqual({ legacy: 'live', candidate: 'live' });
    const steps = viewOf(done.state, done.watches, done.now).phases.flatMap((phase) => phase.steps);
    expect(steps.map(({ kind, ramp }) => [kind, ramp?.exposurePercent])).toEqual([
      ['stage', 100],
      ['stage', 100],
      ['stage', 100],
      ['ramp', done.exposure('reader')],
      ['stage', 0],
      ['stage', 0],
    ]);
  });

  it('wait until every instance serves the stage before', () => {
    const world = new RolloutWorld(planOf());
    world.confirm();
    world.live(5 * MINUTE);
    expect(world.state.flags['cache']).toMatchObject({ stage: 'dualwrite', exposure: 0, confirmed: false });
    const [waiting] = viewOf(world.state, world.watches, world.now).waits;
    expect(waiting?.text).toBe('cache comes to shadow once every instance serves the stage before.');
    world.confirm();
    expect(world.exposure('cache')).toBe(100);
  });

  it.each([
    [
      'failed second writes wait',
      { pending: 12, failed: 0, instances: 2, silent: 0 },
      /^12 failed second writes wait to be repaired, on 2 instances$/,
    ],
    ['some were given up', { pending: 0, failed: 3, instances: 1, silent: 0 }, /^3 were given up/],
    ['an instance fell silent that owed some', { pending: 0, failed: 0, instances: 0, silent: 1 }, /fell silent/],
    ['nobody can tell', null, /nobody can tell/],
  ])(
    'do not let the candidate answer while %s, and go on when all is repaired [CV-6] [CV-9]',
    (_what, repairs, text) => {
      const world = reached('shadow');
      world.repairs = repairs;
      live(world, 5 * MINUTE);
      expect(world.exposure('cache')).toBe(0);
      expect(world.state.steps['store/cache-live']?.hold).toMatchObject({
        reason: 'unrepaired',
        text: expect.stringMatching(text),
      });
      const [waiting] = viewOf(world.state, world.watches, world.now).waits;
      expect(waiting).toMatchObject({
        on: 'health',
        text: expect.stringContaining('until both sides have all that was written'),
      });
      world.repairs = { pending: 0, failed: 0, instances: 0, silent: 0 };
      live(world, MINUTE);
      expect(world.exposure('cache')).toBe(10);
      expect(world.state.steps['store/cache-live']?.hold).toBeNull();
    },
  );

  it('raise nobody further while something is owed, unless a person goes on all the same [CV-6]', () => {
    const world = reached('shadow');
    live(world, MINUTE);
    world.repairs = { pending: 1, failed: 0, instances: 1, silent: 0 };
    live(world, 5 * MINUTE);
    expect(world.exposure('cache')).toBe(10);
    expect(world.types().filter((type) => type === 'step.held')).toHaveLength(1);
    expect(world.command({ verb: 'promote', stepId: 'store/cache-live' })).toBeNull();
    expect(world.exposure('cache')).toBe(50);
    expect(world.last('flag.exposure-changed')).toMatchObject({ actor: { name: 'ana' }, reason: 'promote in a test' });
  });

  it('replay to the same state', () => {
    const world = new RolloutWorld(planOf());
    live(world, 20 * MINUTE);
    world.command({ verb: 'rollback', scope: 'plan', overMs: 0 });
    world.confirm();
    expect(replay(world.events)).toEqual(world.state);
  });
});

describe('rollback of stages', () => {
  it('takes those who are exposed back to the stage before, at once', () => {
    const world = reached('shadow');
    live(world, MINUTE);
    world.live(10_000, { errors: 30 });
    expect(stagesOfArms(world.state, 'cache').legacy).toBe('shadow');
    expect(world.exposure('cache')).toBe(0);
    world.confirm();
    expect(world.last('rollback.completed').verification).toEqual(['cache: every instance is at stage shadow']);
    expect(stages(world)).toEqual(['off → dualwrite', 'dualwrite → shadow']);
  });

  it('lets legacy answer everybody at once where the candidate did, also those at a later stage [CV-4]', () => {
    const world = reached('live');
    for (let look = 0; look < 100 && stagesOfArms(world.state, 'cache').candidate === 'live'; look += 1)
      live(world, 10_000);
    expect(stagesOfArms(world.state, 'cache')).toEqual({ legacy: 'live', candidate: 'rampdown' });
    expect(world.command({ verb: 'rollback', scope: 'flag', target: 'cache', overMs: 0 })).toBeNull();
    expect(world.state.flags['cache']).toMatchObject({ exposure: 0, stage: 'shadow' });
    expect(world.exposure('reader')).toBe(0);
    world.confirm();
    expect(world.last('rollback.completed').verification).toContain('cache: every instance is at stage shadow');
    expect(world.state.steps['store/cache-live']?.status).toBe('rolled-back');
    expect(world.state.steps['store/cache-shadow']?.status).toBe('completed');
  });

  it('of the whole plan goes back stage by stage, each served by every instance before the next', () => {
    const world = reached('live');
    const before = stages(world).length;
    expect(world.command({ verb: 'rollback', scope: 'plan', overMs: 0 })).toBeNull();
    expect(stages(world).slice(before)).toEqual(['live → shadow']);
    world.live(MINUTE);
    expect(stages(world).slice(before)).toEqual(['live → shadow']);
    world.confirm();
    expect(stages(world).slice(before)).toEqual(['live → shadow', 'shadow → dualwrite']);
    world.confirm();
    world.confirm();
    expect(stages(world).slice(before)).toEqual(['live → shadow', 'shadow → dualwrite', 'dualwrite → off']);
    expect(world.state.outcome).toBe('rolled-back');
  });

  it('never lets legacy answer again once it has missed writes, and says so', () => {
    const world = reached('complete');
    expect(world.command({ verb: 'rollback', scope: 'plan', overMs: 0 })).toBeNull();
    for (let round = 0; round < 6; round += 1) world.confirm();
    expect(world.state.flags['cache']?.stage).toBe('live');
    expect(world.last('rollback.completed').verification).toContain(
      'cache: every instance is at stage live, since legacy has missed writes',
    );
    expect(world.state.steps['store/cache-live']?.status).toBe('completed');
  });

  it('by abort lets legacy answer at once, without any question [CO-15]', () => {
    const world = reached('live');
    expect(world.command({ verb: 'abort' })).toBeNull();
    expect(world.state.flags['cache']).toMatchObject({ stage: 'shadow', exposure: 0 });
    expect(world.state.outcome).toBe('aborted');
  });

  it('leaves out the stages after it, which would pass over one', () => {
    const world = reached('live');
    world.command({ verb: 'rollback', scope: 'flag', target: 'cache', overMs: 0 });
    live(world, 10 * MINUTE);
    expect(world.state.flags['cache']).toMatchObject({ stage: 'shadow', exposure: 0 });
    expect(world.state.steps['close/cache-rampdown']?.status).toBe('skipped');
    expect(world.events.findLast(({ type }) => type === 'step.skipped')?.reason).toBe(
      'cache is at stage shadow, and comes to complete from rampdown only',
    );
    expect(world.state.outcome).toBe('partial');
  });

  it('may be done again from the stage that it came back to, and from no other', () => {
    const world = reached('live');
    world.command({ verb: 'rollback', scope: 'flag', target: 'cache', overMs: 0 });
    world.confirm();
    expect(world.command({ verb: 'retry', stepId: 'store/cache-dualwrite', andAfter: true })).toBeNull();
    expect(world.state.steps['store/cache-dualwrite']?.status).toBe('completed');
    live(world, 10 * MINUTE);
    expect(stages(world).filter((move) => move === 'shadow → live')).toHaveLength(2);
    expect(stages(world).filter((move) => move === 'off → dualwrite')).toHaveLength(1);
  });
});

describe('a plan with stages', () => {
  const codes = (find: string, replacement: string) => {
    if (!SOURCE.includes(find)) throw new Error(`the plan has no ${find}`);
    return parsePlan(SOURCE.replace(find, replacement), { file: 'plan.yaml' }).diagnostics.map(
      ({ code, message, mend }) => `${code}: ${message}; ${mend}`,
    );
  };

  it.each([
    [
      '- { stage: cache, to: shadow, gate: g }',
      '- { wait: 1m }',
      /^skipped-stage: 'cache' cannot come to live from dualwrite: it would pass over shadow; bring it to shadow/,
    ],
    ['to: shadow', 'to: shadwo', /^invalid-value: 'shadwo' .*did you mean 'shadow'/],
    ['to: shadow', 'to: dualwrite', /^ramped-twice: 'cache' comes to dualwrite already/],
    ['- { stage: cache, to: dualwrite, gate: g }', '- { ramp: cache, gate: g }', /^wrong-move: 'cache' is a migration/],
    [
      '- { ramp: reader, gate: g }',
      '- { stage: reader, to: dualwrite, gate: g, soak: 1m }',
      /^wrong-move: 'reader' is no migration/,
    ],
    [
      'to: live, gate: g',
      'to: live, gate: g, through: [10%]',
      /^unfinished-stage: 'cache' comes to live for 10 % only/,
    ],
    [', to: shadow, gate: g', ', to: shadow', /^missing-gate/],
    [', approve: true', '', /^irreversible-unapproved: 'close\/cache-complete' ends the writes to legacy/],
    ['deadline: 300ms', 'deadline: soon', /^invalid-duration/],
    [
      'cache: { risk: careful,',
      'cache: { risk: careful, by: call,',
      /^migration-per-call: a migration cannot decide each call/,
    ],
    ['compare: 10%', 'compare: most', /^invalid-percent/],
  ])('refuses %s → %s', (find, replacement, problem) => {
    expect(codes(find, replacement)[0]).toMatch(problem);
  });

  it('has a breaker at a tenth of the calls where it names none [CO-5]', () => {
    expect(planOf().flags['cache']?.migration).toEqual({ compared: 10_000, deadlineMs: 300, breakAbove: 10_000 });
  });

  it('is taken for what cannot be taken back where it ends the dual writing', () => {
    const steps = planOf().phases.flatMap((phase) => phase.steps);
    expect(steps.filter(({ irreversible }) => irreversible).map(({ id }) => id)).toEqual(['close/cache-complete']);
  });
});

describe('the simulation of stages', () => {
  it('shows of each step its own exposures [ALL-2]', () => {
    const { timeline, simulation } = foresee(planOf(), {
      startAt: Date.parse('2026-03-02T09:00:00Z'),
      whatIf: [],
      approvalDelayMs: MINUTE,
      seed: 1,
      load: { users: 10_000, requestsPerUserMinute: 1 },
    });
    expect(simulation.outcome).toBe('succeeded');
    const shown = timeline.flatMap(({ steps }) =>
      steps.map(({ kind, stages: own }) => [kind, ...own.map(({ exposurePercent }) => exposurePercent)]),
    );
    expect(shown).toEqual([
      ['stage', 100],
      ['stage', 100],
      ['stage', 10, 50, 100],
      ['ramp', 10, 50, 100],
      ['stage', 100],
      ['stage', 100],
    ]);
  });
});
