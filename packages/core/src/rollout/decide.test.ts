import { describe, expect, it } from 'vitest';
import { common, phase, plan, ramp, rule, standardGate } from '../../test-support/given-plan.ts';
import { RolloutWorld } from '../../test-support/rollout-world.ts';
import type { Step } from '../plan/index.ts';
import { replay } from './evolve.ts';
import { viewOf } from './view-of.ts';

const run = (id: string, changes: Partial<Extract<Step, { kind: 'run' }>> = {}): Step => ({
  ...common(id),
  kind: 'run',
  command: { argv: ['save'], repeatable: false },
  captures: [],
  ...changes,
});

describe('a ramp', () => {
  it('climbs through its stages, each after a healthy soak, and ends the run', () => {
    const world = new RolloutWorld(plan([phase('one', [ramp('one', 'cache')])]));
    expect(world.exposure('cache')).toBe(10);
    world.confirm();
    world.live(60_000);
    expect(world.exposure('cache')).toBe(10);
    world.live(10_000);
    expect(world.exposure('cache')).toBe(50);
    world.live(70_000);
    expect(world.exposure('cache')).toBe(100);
    expect(world.state.status).toBe('running');
    world.live(70_000);
    expect(world.state.outcome).toBe('succeeded');
    expect(world.state.flags['cache']?.status).toBe('complete');
  });

  it('does not move on silence, says why, and goes on when data return', () => {
    const world = new RolloutWorld(plan([phase('one', [ramp('one', 'cache')])]));
    world.live(600_000, { errors: { status: 'no-data', value: null } });
    expect(world.exposure('cache')).toBe(10);
    expect(world.state.steps['one/cache']?.hold?.reason).toBe('no-evidence');
    world.live(80_000);
    expect(world.last('step.released').stepId).toBe('one/cache');
    expect(world.exposure('cache')).toBe(50);
  });

  it('holds on an error of the source and never rolls back for it [CV-3]', () => {
    const world = new RolloutWorld(plan([phase('one', [ramp('one', 'cache')])]));
    world.live(600_000, { errors: { status: 'error', value: null } });
    expect(world.exposure('cache')).toBe(10);
    expect(world.types()).not.toContain('rollback.initiated');
  });

  it('is held by a rule that says hold, and released when the rule keeps again', () => {
    const gate = {
      ...standardGate,
      rules: [rule({ text: 'errors > 2%', bound: { kind: 'absolute', value: 2 } }, { kind: 'hold' })],
    };
    const world = new RolloutWorld(plan([phase('one', [ramp('one', 'cache')])], { gates: { standard: gate } }));
    world.live(20_000, { errors: 3 });
    expect(world.state.steps['one/cache']?.hold?.reason).toBe('gate');
    world.live(200_000, { errors: 3 });
    expect(world.exposure('cache')).toBe(10);
    world.live(20_000, { errors: 1 });
    expect(world.state.steps['one/cache']?.hold).toBeNull();
  });

  it('tells a warning once', () => {
    const gate = {
      ...standardGate,
      rules: [rule({ text: 'errors > 2%', bound: { kind: 'absolute', value: 2 } }, { kind: 'warn' })],
    };
    const world = new RolloutWorld(
      plan([phase('one', [ramp('one', 'cache', { soakMs: 600_000 })])], { gates: { standard: gate } }),
    );
    world.live(300_000, { errors: 3 });
    expect(world.types().filter((type) => type === 'step.warned')).toHaveLength(1);
  });

  it('waits for its window before it begins', () => {
    const windows = [{ days: [], fromMinute: 120, toMinute: 240, zone: 'UTC' }];
    const world = new RolloutWorld(plan([phase('one', [ramp('one', 'cache', { windows })])]));
    expect(world.exposure('cache')).toBe(0);
    expect(world.state.steps['one/cache']?.status).toBe('pending');
    world.now = 3 * 3_600_000;
    world.give({ kind: 'timer' });
    expect(world.exposure('cache')).toBe(10);
  });
});

describe('approval', () => {
  const approve = {
    fromExposure: 50_000,
    by: [
      { role: 'lead', count: 1 },
      { role: 'release', count: 1 },
    ],
  };
  const people = {
    ana: { name: 'ana', roles: ['lead', 'release'] },
    ben: { name: 'ben', roles: ['release'] },
    eve: { name: 'eve', roles: [] },
  };
  const asked = () => {
    const world = new RolloutWorld(plan([phase('one', [ramp('one', 'cache', { approve })])], { people }));
    world.live(70_000);
    return world;
  };

  it('is asked for at every increase from the stated exposure on, and nothing rises without it [CV-5]', () => {
    const world = asked();
    expect(world.exposure('cache')).toBe(10);
    expect(world.last('approval.requested').approvalId).toBe('one/cache@50%');
    world.live(600_000);
    expect(world.exposure('cache')).toBe(10);
    world.command({ verb: 'approve' }, 'ana');
    world.live(20_000);
    expect(world.exposure('cache')).toBe(10);
    world.command({ verb: 'approve' }, 'ben');
    world.live(20_000);
    expect(world.exposure('cache')).toBe(50);
    world.live(70_000);
    expect(world.last('approval.requested').approvalId).toBe('one/cache@100%');
    expect(world.exposure('cache')).toBe(50);
  });

  it('takes one person for one seat only, and refuses whoever is not asked [CV-5]', () => {
    const world = asked();
    expect(world.command({ verb: 'approve' }, 'eve')).toMatchObject({ code: 'forbidden' });
    expect(world.command({ verb: 'approve' }, 'ana')).toBeNull();
    expect(world.command({ verb: 'approve' }, 'ana')).toBeNull();
    expect(world.types().filter((type) => type === 'approval.given')).toHaveLength(1);
  });

  it('does not stop health from being judged: a failing candidate is rolled back meanwhile', () => {
    const world = asked();
    world.live(10_000, { errors: 40 });
    expect(world.exposure('cache')).toBe(0);
  });

  it('that is complete while the run is paused waits for its resumption, not for people [ALL-6]', () => {
    const world = asked();
    world.command({ verb: 'pause' });
    world.command({ verb: 'approve' }, 'ana');
    world.command({ verb: 'approve' }, 'ben');
    const waits = viewOf(world.state, world.watches, world.now).waits;
    expect(waits.map(({ text }) => text)).toEqual([
      'The run is paused: nothing moves, health is still judged.',
      'one/cache is agreed to and moves once the run is resumed.',
    ]);
  });

  it('holds when it is rejected, until somebody agrees after all', () => {
    const world = asked();
    world.command({ verb: 'reject' }, 'ben');
    expect(world.state.steps['one/cache']?.hold?.reason).toBe('rejected');
    world.live(300_000);
    expect(world.exposure('cache')).toBe(10);
    world.command({ verb: 'approve' }, 'ana');
    world.command({ verb: 'approve' }, 'ben');
    world.live(20_000);
    expect(world.exposure('cache')).toBe(50);
  });
});

describe('commands', () => {
  it('pause stops every move, health excepted, and resume shifts waits by the pause', () => {
    const wait: Step = { ...common('one/wait'), kind: 'wait', until: { kind: 'duration', durationMs: 60_000 } };
    const world = new RolloutWorld(plan([phase('one', [wait, ramp('one', 'cache')])]));
    world.now += 30_000;
    world.command({ verb: 'pause' });
    world.now += 600_000;
    world.give({ kind: 'timer' });
    expect(world.state.steps['one/wait']?.status).toBe('running');
    world.command({ verb: 'resume' });
    world.now += 29_000;
    world.give({ kind: 'timer' });
    expect(world.exposure('cache')).toBe(0);
    world.now += 1_000;
    world.give({ kind: 'timer' });
    expect(world.exposure('cache')).toBe(10);
  });

  it('aimed at an old revision are refused and explained; rollback and abort never are', () => {
    const world = new RolloutWorld(plan([phase('one', [ramp('one', 'cache')])]));
    expect(world.command({ verb: 'pause' }, 'ana', 1)).toMatchObject({ code: 'stale-revision' });
    expect(world.state.status).toBe('running');
    expect(world.command({ verb: 'abort' }, 'ana', 1)).toBeNull();
    expect(world.exposure('cache')).toBe(0);
    expect(world.state.outcome).toBe('aborted');
  });

  it('promote ends a soak early, but never replaces an approval', () => {
    const approve = { fromExposure: 100_000, by: [] };
    const world = new RolloutWorld(plan([phase('one', [ramp('one', 'cache', { approve })])]));
    expect(world.command({ verb: 'promote' })).toBeNull();
    expect(world.exposure('cache')).toBe(50);
    expect(world.command({ verb: 'promote' })).toBeNull();
    expect(world.exposure('cache')).toBe(50);
    expect(world.last('approval.requested').approvalId).toBe('one/cache@100%');
  });

  it('twice are as good as once', () => {
    const world = new RolloutWorld(plan([phase('one', [ramp('one', 'cache')])]));
    world.command({ verb: 'pause' });
    const revision = world.state.revision;
    world.command({ verb: 'pause' });
    expect(world.state.revision).toBe(revision);
    world.command({ verb: 'abort' });
    const ended = world.state.revision;
    world.command({ verb: 'abort' });
    expect(world.state.revision).toBe(ended);
  });
});

describe('effects', () => {
  it('count once: a result that is not waited for changes nothing [ALL-3]', () => {
    const world = new RolloutWorld(plan([phase('one', [run('one/save'), ramp('one', 'cache')])]));
    const [effectId = ''] = Object.keys(world.state.effects);
    const result = { outcome: 'succeeded', summary: 'ok', durationMs: 1 } as const;
    world.give({ kind: 'effect-finished', effectId, result });
    const { revision } = world.state;
    world.give({ kind: 'effect-finished', effectId, result });
    world.give({ kind: 'effect-finished', effectId: 'never/asked', result });
    expect(world.state.revision).toBe(revision);
  });

  it('that were cut off ask a person, who may retry or accept them', () => {
    const world = new RolloutWorld(plan([phase('one', [run('one/save'), ramp('one', 'cache')])]));
    world.finishEffects({ outcome: 'unknown', summary: 'cut off' });
    expect(world.state.steps['one/save']?.hold?.reason).toBe('outcome-unknown');
    expect(world.command({ verb: 'retry' })).toBeNull();
    expect(Object.keys(world.state.effects)).toEqual(['one/save#2.1']);
    world.finishEffects({ outcome: 'failed', summary: 'exit code 1' });
    expect(world.command({ verb: 'promote', stepId: 'one/save' })).toBeNull();
    expect(world.exposure('cache')).toBe(10);
  });

  it('of a backup include its verification before anything moves [CV-12]', () => {
    const backup: Step = {
      ...common('one/breakers'),
      kind: 'backup',
      name: 'breakers',
      command: { argv: ['save'], repeatable: true },
      captures: [],
      verify: { argv: ['restore', '--scratch'], repeatable: true },
    };
    const world = new RolloutWorld(plan([phase('one', [backup, ramp('one', 'cache')])]));
    world.finishEffects({}, (id) => id.endsWith('.1'));
    expect(world.exposure('cache')).toBe(0);
    expect(Object.values(world.state.effects)[0]?.request).toMatchObject({ argv: ['restore', '--scratch'] });
    world.finishEffects({ outcome: 'failed', summary: 'damaged' });
    expect(world.state.steps['one/breakers']?.hold?.reason).toBe('command-failed');
    expect(world.exposure('cache')).toBe(0);
  });

  it('record baselines that later conditions are judged by [CV-12]', () => {
    const gate = {
      ...standardGate,
      rules: [
        rule(
          { text: 'errors > 2x baseline', bound: { kind: 'factor', reference: 'baseline', factor: 2 } },
          { kind: 'hold' },
        ),
      ],
    };
    const baseline: Step = { ...common('one/baseline'), kind: 'baseline', overMs: 60_000 };
    const world = new RolloutWorld(
      plan([phase('one', [baseline, ramp('one', 'cache')])], { gates: { standard: gate } }),
    );
    world.finishEffects({ baselines: { cache: { errors: 1 } } });
    world.live(20_000, { errors: 1.9 });
    expect(world.state.steps['one/cache']?.hold).toBeNull();
    world.live(20_000, { errors: 2.1 });
    expect(world.state.steps['one/cache']?.hold?.reason).toBe('gate');
  });

  it('deliver messages with their fields filled in; an undelivered one is told and does not stop the plan', () => {
    const notify: Step = { ...common('one/tell'), kind: 'notify', channel: 'chat', message: 'done' };
    const world = new RolloutWorld(plan([phase('one', [notify])]));
    expect(Object.values(world.state.effects)[0]?.request).toEqual({
      kind: 'message',
      channel: 'chat',
      text: 'one of Moving is done',
    });
    world.finishEffects({ outcome: 'failed', summary: 'HTTP 500' });
    expect(world.last('step.completed').reason).toContain('not delivered: HTTP 500');
    expect(world.state.outcome).toBe('succeeded');
  });
});

describe('the log', () => {
  it('replays to the same state [ALL-3]', () => {
    const world = new RolloutWorld(
      plan([phase('one', [ramp('one', 'cache'), ramp('one', 'search')])], { requires: { search: ['cache'] } }),
    );
    world.live(150_000);
    world.live(20_000, { errors: 30 });
    world.confirm();
    world.live(300_000);
    expect(replay(world.events)).toEqual(world.state);
  });
});
