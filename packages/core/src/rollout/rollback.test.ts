import { describe, expect, it } from 'vitest';
import { common, phase, plan, ramp, rule, standardGate, undoBy } from '../../test-support/given-plan.ts';
import { RolloutWorld } from '../../test-support/rollout-world.ts';
import type { Step } from '../plan/index.ts';

const run = (id: string, changes: Partial<Extract<Step, { kind: 'run' }>> = {}): Step => ({
  ...common(id),
  kind: 'run',
  command: { argv: ['save'], repeatable: false },
  captures: [],
  ...changes,
});

describe('rollback', () => {
  const undo = undoBy('restore', '${{ backup_id }}');
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
    const undone = (id: string) => run(id, { undo: undoBy('undo', id) });
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
    expect(world.state.rollbacks.at(-1)).toMatchObject({
      status: 'completed',
      outcome: 'restored',
      parts: [{ kind: 'exposure' }, { kind: 'undo', name: 'one/cache', status: 'done' }],
    });
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
