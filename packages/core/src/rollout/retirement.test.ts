import { describe, expect, it } from 'vitest';
import { common, phase, plan, ramp } from '../../test-support/given-plan.ts';
import { RolloutWorld } from '../../test-support/rollout-world.ts';
import { type Approver, compressPlan, type Plan, type Step } from '../plan/index.ts';
import { simulate } from '../simulate/index.ts';
import { replay } from './evolve.ts';
import { flagHistoryOf } from './flag-history.ts';
import { viewOf } from './view-of.ts';
import { nextWakeAt } from './wake.ts';

const DAY = 86_400_000;
const NOBODY_WATCHES = new Map();

const retire = (flag: string, approve: readonly Approver[] | null = null, afterMs = 14 * DAY): Step => ({
  ...common(`two/retire-${flag}`),
  kind: 'retire',
  flag,
  afterMs,
  approve,
});

function planOf(...steps: readonly Step[]): Plan {
  return plan([phase('one', [ramp('one', 'cache')]), phase('two', steps, ['one'])]);
}

/** The run with its ramp at 100 %, which it reached just now. */
function atFull(given: Plan): RolloutWorld {
  const world = new RolloutWorld(given);
  world.command({ verb: 'promote', stepId: 'one/cache', toEnd: true });
  world.confirm();
  world.command({ verb: 'promote', stepId: 'one/cache', toEnd: true });
  return world;
}

function later(world: RolloutWorld, ms: number): void {
  world.now += ms;
  world.give({ kind: 'timer' });
}

const statusOf = (world: RolloutWorld) => world.state.flags['cache']?.status;

describe('the step that retires a flag', () => {
  it('waits until the flag has been at 100 % for so long, and then retires it [CO-6]', () => {
    const world = atFull(planOf(retire('cache')));
    const reached = world.state.flags['cache']?.changedAt ?? 0;
    expect(flagHistoryOf(world.state, 'cache')).toEqual({ exposureChangedAt: reached, isRetiring: true });
    expect(nextWakeAt(world.state, world.now)).toBe(reached + 14 * DAY);
    later(world, 14 * DAY - 1);
    expect(statusOf(world)).toBe('complete');
    later(world, 1);
    expect(statusOf(world)).toBe('retired');
    expect(world.state).toMatchObject({ status: 'finished', outcome: 'succeeded' });
    expect(flagHistoryOf(world.state, 'cache').isRetiring).toBe(false);
    expect(replay(world.events)).toEqual(world.state);
  });

  it('counts the time before it began, too [CO-6]', () => {
    const rest: Step = { ...common('two/rest'), kind: 'wait', until: { kind: 'duration', durationMs: 20 * DAY } };
    const world = atFull(planOf(rest, retire('cache')));
    later(world, 20 * DAY);
    expect(statusOf(world)).toBe('retired');
  });

  it('asks for its approval when the time has come, and waits for nothing but people then [CO-6]', () => {
    const world = atFull(planOf(retire('cache', [])));
    expect(world.state.steps['two/retire-cache']?.approval).toBeNull();
    later(world, 14 * DAY);
    expect(statusOf(world)).toBe('complete');
    expect(world.state.steps['two/retire-cache']?.approval?.question).toContain('Retire cache?');
    expect(nextWakeAt(world.state, world.now)).toBeNull();
    world.command({ verb: 'reject' });
    later(world, DAY);
    expect(statusOf(world)).toBe('complete');
    world.command({ verb: 'approve' });
    expect(statusOf(world)).toBe('retired');
  });

  it('says what it waits for, and until when [CO-6]', () => {
    const world = atFull(planOf(retire('cache')));
    const [wait] = viewOf(world.state, NOBODY_WATCHES, world.now).waits;
    expect(wait).toMatchObject({ on: 'time', text: 'cache is retired in 2w.', until: world.now + 14 * DAY });
  });

  it('is promoted by a person, but never past an approval [CO-6]', () => {
    const asked = atFull(planOf(retire('cache', [])));
    expect(asked.command({ verb: 'promote' })?.message).toContain('promote does not replace it');
    const free = atFull(planOf(retire('cache')));
    expect(free.command({ verb: 'promote' })).toBeNull();
    expect(statusOf(free)).toBe('retired');
  });

  it('is left out where its flag was taken back [CO-6]', () => {
    const world = atFull(planOf(retire('cache')));
    world.command({ verb: 'rollback', scope: 'flag', target: 'cache', overMs: 0 });
    world.confirm();
    expect(world.state.steps['two/retire-cache']?.status).not.toBe('running');
    later(world, 15 * DAY);
    expect(world.events.some(({ type }) => type === 'flag.retired')).toBe(false);
    expect(world.state.status).toBe('finished');
  });

  it.each([
    ['the flag', { verb: 'rollback', scope: 'flag', target: 'cache', overMs: 0 }, 0],
    ['the plan', { verb: 'rollback', scope: 'plan', overMs: 0 }, 0],
    ['its own phase only', { verb: 'rollback', scope: 'phase', target: 'two', overMs: 0 }, 100_000],
    ['everything, by an abort', { verb: 'abort' }, 0],
  ] as const)('is taken back with %s, and says what nobody can know [CO-6]', (_what, verb, exposure) => {
    const world = atFull(planOf(retire('cache')));
    later(world, 14 * DAY);
    expect(world.command(verb)).toBeNull();
    world.confirm();
    const unretired = world.events.findIndex(({ type }) => type === 'flag.unretired');
    expect(world.events[unretired]?.reason).toContain('only where the program still has that path');
    const fallen = world.events.findIndex(({ type }, at) => type === 'flag.exposure-changed' && at > unretired);
    expect(fallen > unretired).toBe(exposure === 0);
    expect(world.state.flags['cache']).toMatchObject({ exposure });
    expect(statusOf(world)).not.toBe('retired');
    expect(replay(world.events)).toEqual(world.state);
  });

  it('takes a retired flag along when what it requires is taken back [CO-6] [CO-10]', () => {
    const both = plan(
      [
        phase('one', [ramp('one', 'base', { through: [100_000] }), ramp('one', 'cache', { through: [100_000] })]),
        phase('two', [retire('base', null, 0), retire('cache', null, 0)], ['one']),
      ],
      { requires: { cache: ['base'] } },
    );
    const world = new RolloutWorld(both);
    for (const flag of ['base', 'cache']) {
      world.confirm();
      world.command({ verb: 'promote', stepId: `one/${flag}` });
    }
    expect(statusOf(world)).toBe('retired');
    world.command({ verb: 'rollback', scope: 'flag', target: 'base', overMs: 0 });
    expect(world.state.flags).toMatchObject({ base: { exposure: 0 }, cache: { exposure: 0 } });
  });

  it('is played in simulation, and in compressed time [CO-6]', () => {
    const given = planOf(retire('cache', []));
    const options = { startAt: 0, whatIf: [], approvalDelayMs: 60_000, seed: 1 };
    const result = simulate(given, options);
    expect(result.view).toMatchObject({ status: 'finished', outcome: 'succeeded' });
    expect(result.view.flags[0]?.status).toBe('retired');
    expect(compressPlan(given, 1_000).phases[1]?.steps[0]).toMatchObject({ afterMs: 1_209_600 });
  });

  it('waits while people keep somebody on legacy, and says whom and what to do [CO-6] [CO-17]', () => {
    const world = atFull(planOf(retire('cache')));
    world.command({ verb: 'override', flag: 'cache', subjects: ['ben', 'eve'], to: 'legacy' });
    later(world, 14 * DAY);
    expect(statusOf(world)).toBe('complete');
    const [wait] = viewOf(world.state, NOBODY_WATCHES, world.now).waits;
    expect(wait?.text).toContain('ben and 1 more are kept on legacy by name');
    expect(nextWakeAt(world.state, world.now)).toBeNull();
    const refused = world.command({ verb: 'promote', stepId: 'two/retire-cache' });
    expect(refused?.message).toContain("'theseus flags clear cache SUBJECT...' lets the plan decide");
    world.command({ verb: 'override', flag: 'cache', subjects: ['ben', 'eve'], to: null });
    expect(statusOf(world)).toBe('retired');
  });

  it('retires a migration that is complete, and takes it back only as far as legacy knows [CO-6]', () => {
    const stages = ['off', 'dualwrite', 'shadow', 'live', 'rampdown', 'complete'] as const;
    const steps = stages.slice(1).map((to, at) => ({
      ...ramp('one', 'cache', { through: [100_000], soaksMs: [60_000] }),
      id: `one/${to}`,
      move: { from: stages[at] ?? 'off', to },
    }));
    const given = plan([phase('one', steps), phase('two', [retire('cache')], ['one'])]);
    const cache = { ...given.flags['cache'], migration: { compared: 0 } } as Plan['flags'][string];
    const world = new RolloutWorld({ ...given, flags: { cache } });
    world.repairs = { pending: 0, failed: 0, instances: 1, silent: 0 };
    for (let minute = 0; minute < 15; minute += 1) {
      world.live(60_000);
      world.confirm();
    }
    expect(world.state.flags['cache']).toMatchObject({ stage: 'complete', status: 'complete' });
    later(world, 14 * DAY);
    expect(statusOf(world)).toBe('retired');
    world.command({ verb: 'rollback', scope: 'plan', overMs: 0 });
    for (let stage = 0; stage < 4; stage += 1) world.confirm();
    expect(world.events.map(({ type }) => type)).toContain('flag.unretired');
    expect(world.state.flags['cache']).toMatchObject({ stage: 'live', status: 'rolled-back' });
  });

  it('remembers which of the variants stays [CO-6]', () => {
    const given = planOf({ ...retire('cache'), variant: 'long' } as Step);
    const variants = ['short', 'long'].map((name) => ({ name, weight: 50_000 }));
    const cache = { ...given.flags['cache'], variants } as Plan['flags'][string];
    const world = atFull({ ...given, flags: { cache } });
    later(world, 14 * DAY);
    expect(world.state.flags['cache']).toMatchObject({ status: 'retired', variant: 'long' });
    expect(replay(world.events)).toEqual(world.state);
  });
});
