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
    const window = { fromMinute: 120, toMinute: 240, zone: 'UTC' };
    const world = new RolloutWorld(plan([phase('one', [ramp('one', 'cache', { window })])]));
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

describe('rollback', () => {
  const undo = { argv: ['restore', '${{ backup_id }}'], repeatable: true };
  const verify = [
    {
      kind: 'http',
      url: 'http://legacy/health',
      method: 'GET',
      expect: { status: 200, withinMs: 500, contains: null },
    },
  ] as const;

  it('takes one failing flag to legacy at once, takes its step back, verifies and records it; the others go on [CV-4]', () => {
    const world = new RolloutWorld(
      plan([
        phase('prepare', [run('prepare/save', { captures: [{ name: 'backup_id', pattern: 'saved as (\\S+)' }] })]),
        phase('one', [ramp('one', 'cache', { undo, verify }), ramp('one', 'search')], ['prepare']),
      ]),
    );
    world.finishEffects({ captures: { backup_id: 'b-7' } });
    world.live(90_000);
    world.live(10_000, { errors: 30 });
    expect(world.exposure('cache')).toBe(0);
    const initiated = world.last('rollback.initiated');
    expect(initiated).toMatchObject({
      rollbackId: 'rollback-1',
      scope: 'flag',
      target: 'cache',
      flags: ['cache'],
      budgetMs: 120_000,
    });
    expect(initiated.evidence?.verdict.text).toContain('errors 30');
    expect(initiated.evidence?.samples.length).toBeGreaterThan(1);
    expect(Object.keys(world.state.effects)).toEqual([]);
    world.confirm();
    const [undoing] = Object.values(world.state.effects);
    expect(undoing?.request).toMatchObject({ kind: 'command', argv: ['restore', 'b-7'] });
    world.now += 3_000;
    world.finishEffects({ summary: 'legacy answered 200' });
    expect(world.last('rollback.completed')).toMatchObject({ durationMs: 3_000, withinBudget: true });
    expect(world.state.rollbacks[0]?.verification).toEqual([
      'cache: every instance serves legacy',
      'one/cache: taken back',
      'legacy answered 200',
    ]);
    world.live(300_000);
    expect(world.exposure('search')).toBe(100);
    expect(world.state.outcome).toBe('partial');
  });

  it('of a phase takes back its steps in reverse order, and phases that need it are skipped [CV-4]', () => {
    const gate = {
      ...standardGate,
      rules: [rule({ text: 'errors > 5%' }, { kind: 'rollback', scope: 'phase', overMs: 0 })],
    };
    const undone = (id: string) => run(id, { undo: { argv: ['undo', id], repeatable: true } });
    const world = new RolloutWorld(
      plan(
        [
          phase('one', [undone('one/a'), undone('one/b'), ramp('one', 'cache')]),
          phase('two', [ramp('two', 'search')], ['one']),
        ],
        { gates: { standard: gate } },
      ),
    );
    world.finishEffects();
    world.live(20_000, { errors: 30 });
    world.confirm();
    const order: string[] = [];
    while (Object.keys(world.state.effects).length > 0) {
      const [id = ''] = Object.keys(world.state.effects);
      order.push(id);
      world.give({
        kind: 'effect-finished',
        effectId: id,
        result: { outcome: 'succeeded', summary: 'ok', durationMs: 1 },
      });
    }
    expect(order).toEqual(['rollback-1/undo/one/b', 'rollback-1/undo/one/a']);
    expect(world.state.phases['two']?.status).toBe('skipped');
    expect(world.state.outcome).toBe('partial');
  });

  it('of the plan takes everything back and ends the run as rolled back [CV-4]', () => {
    const world = new RolloutWorld(
      plan([phase('one', [ramp('one', 'cache')]), phase('two', [ramp('two', 'search')], ['one'])]),
    );
    world.live(300_000);
    expect(world.exposure('cache')).toBe(100);
    expect(world.exposure('search')).toBeGreaterThan(0);
    world.command({ verb: 'rollback', scope: 'plan', overMs: 0 });
    expect([world.exposure('cache'), world.exposure('search')]).toEqual([0, 0]);
    expect(world.last('rollback.initiated').flags).toEqual(['search', 'cache']);
    world.confirm();
    expect(world.state.outcome).toBe('rolled-back');
  });

  it('takes dependents along, so that no prerequisite is missing at any moment', () => {
    const world = new RolloutWorld(
      plan([phase('one', [ramp('one', 'cache'), ramp('one', 'search')])], { requires: { search: ['cache'] } }),
    );
    world.live(300_000);
    expect(world.exposure('search')).toBeGreaterThan(0);
    world.command({ verb: 'rollback', scope: 'flag', target: 'cache', overMs: 0 });
    expect(world.last('rollback.initiated').flags).toEqual(['search', 'cache']);
    expect([world.exposure('cache'), world.exposure('search')]).toEqual([0, 0]);
  });

  it('skips a ramp whose prerequisite was rolled back', () => {
    const world = new RolloutWorld(
      plan([phase('one', [ramp('one', 'cache'), ramp('one', 'search')])], { requires: { search: ['cache'] } }),
    );
    world.live(20_000, { errors: 30 });
    world.confirm();
    expect(world.state.steps['one/search']?.status).toBe('skipped');
    expect(world.state.outcome).toBe('partial');
  });

  it('over five minutes goes down in equal steps and is done within ten [CV-10]', () => {
    const gate = {
      ...standardGate,
      rules: [rule({ text: 'errors > 5%' }, { kind: 'rollback', scope: 'flag', overMs: 300_000 })],
    };
    const world = new RolloutWorld(
      plan([phase('one', [ramp('one', 'cache', { through: [50_000, 100_000] })])], { gates: { standard: gate } }),
    );
    world.live(10_000, { errors: 30 });
    const seen = [world.exposure('cache')];
    for (let minute = 0; minute < 5; minute += 1) {
      world.now += 75_000;
      world.give({ kind: 'timer' });
      seen.push(world.exposure('cache'));
    }
    expect(seen).toEqual([40, 30, 20, 10, 0, 0]);
    world.confirm();
    expect(world.last('rollback.completed').withinBudget).toBe(true);
    expect(world.last('rollback.initiated').budgetMs).toBe(600_000);
  });

  it('is hurried by an immediate one, which undoes nothing twice', () => {
    const gate = {
      ...standardGate,
      rules: [rule({ text: 'errors > 5%' }, { kind: 'rollback', scope: 'flag', overMs: 300_000 })],
    };
    const world = new RolloutWorld(
      plan([phase('one', [ramp('one', 'cache', { undo, through: [50_000] })])], { gates: { standard: gate } }),
    );
    world.live(10_000, { errors: 30 });
    world.command({ verb: 'rollback', scope: 'flag', target: 'cache', overMs: 0 });
    expect(world.exposure('cache')).toBe(0);
    world.confirm();
    world.finishEffects();
    const undone = world.events.filter(
      (event) => event.type === 'effect.requested' && event.effect.purpose.kind === 'undo',
    );
    expect(undone).toHaveLength(1);
    expect(world.state.rollbacks.map(({ status }) => status)).toEqual(['completed', 'completed']);
  });

  it('works while the run is paused, and after it has ended', () => {
    const paused = new RolloutWorld(plan([phase('one', [ramp('one', 'cache')])]));
    paused.command({ verb: 'pause' });
    paused.live(10_000, { errors: 30 });
    expect(paused.exposure('cache')).toBe(0);

    const ended = new RolloutWorld(plan([phase('one', [ramp('one', 'cache')])]));
    ended.live(300_000);
    expect(ended.state.outcome).toBe('succeeded');
    expect(ended.command({ verb: 'rollback', scope: 'flag', target: 'cache', overMs: 0 })).toBeNull();
    ended.confirm();
    expect(ended.exposure('cache')).toBe(0);
    expect(ended.state.outcome).toBe('partial');
  });

  it('that fails says where it stands, leaves everybody on legacy, stops the run, and can be tried again [CV-4]', () => {
    const world = new RolloutWorld(
      plan([phase('one', [ramp('one', 'cache', { undo })]), phase('two', [ramp('two', 'search')], ['one'])]),
    );
    world.live(10_000, { errors: 30 });
    world.confirm();
    world.finishEffects({ outcome: 'failed', summary: 'exit code 3' });
    const failed = world.last('rollback.failed');
    expect(failed.standing).toContain('exit code 3');
    expect(failed.standing).toContain('on legacy: cache');
    expect(world.state.status).toBe('paused');
    expect(world.exposure('search')).toBe(0);
    expect(world.command({ verb: 'rollback', scope: 'flag', target: 'cache', overMs: 0 })).toBeNull();
    world.finishEffects();
    expect(world.state.rollbacks.at(-1)).toMatchObject({ status: 'completed', undone: ['one/cache'] });
  });

  it('by hand of something on legacy is refused with the reason', () => {
    const world = new RolloutWorld(
      plan([phase('one', [ramp('one', 'cache')]), phase('two', [ramp('two', 'search')], ['one'])]),
    );
    expect(world.command({ verb: 'rollback', scope: 'flag', target: 'search', overMs: 0 })?.message).toContain(
      'nothing to roll back',
    );
    expect(world.command({ verb: 'rollback', scope: 'flag', target: 'nope', overMs: 0 })).toMatchObject({
      code: 'not-found',
    });
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
