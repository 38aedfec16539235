import { describe, expect, it } from 'vitest';
import { common, phase, plan, ramp, undoBy } from '../../test-support/given-plan.ts';
import { RolloutWorld } from '../../test-support/rollout-world.ts';
import type { Plan, Probe, Step, Undo } from '../plan/index.ts';
import { replay } from './evolve.ts';
import { viewOf } from './view-of.ts';

const run = (id: string, changes: Partial<Extract<Step, { kind: 'run' }>> = {}): Step => ({
  ...common(id),
  kind: 'run',
  command: { argv: [id], repeatable: false },
  captures: [],
  ...changes,
});
const point = (id: string, name: string): Step => ({ ...common(id), kind: 'point', name });
const isCause: Probe = {
  kind: 'command',
  command: { argv: ['is-it-the-database'], repeatable: true },
  expect: { exitCode: 0, contains: null },
};
const command = (...argv: string[]) => ({ argv, repeatable: true });
const undo = (changes: Partial<Undo>): Undo => ({ ...undoBy('restore'), ...changes });

function argvs(world: RolloutWorld): readonly string[] {
  return Object.values(world.state.effects).map(({ request }) =>
    request.kind === 'command' ? request.argv.join(' ') : request.kind === 'message' ? request.text : request.kind,
  );
}

/** Runs the plan to where its one ramp soaks, and takes all of it back. */
function takenBack(steps: readonly Step[], changes: Partial<Plan> = {}): RolloutWorld {
  const world = new RolloutWorld(plan([phase('one', [...steps, ramp('one', 'cache')])], changes));
  world.finishEffects();
  world.confirm();
  world.live(20_000);
  world.command({ verb: 'rollback', scope: 'plan', overMs: 0 });
  world.confirm();
  return world;
}

describe('a rollback', () => {
  it('tries an alternative where one fails, each as often as the plan says [QA-9]', () => {
    const ways = undo({ alternatives: [command('revert'), command('restore-dump')], attempts: 2 });
    const world = takenBack([run('one/schema', { undo: ways })]);
    const tried: string[] = [];
    while (Object.keys(world.state.effects).length > 0) {
      const [id = ''] = Object.keys(world.state.effects);
      const argv = argvs(world)[0] ?? '';
      tried.push(argv);
      const outcome = argv === 'restore-dump' ? 'succeeded' : 'failed';
      world.give({ kind: 'effect-finished', effectId: id, result: { outcome, summary: outcome, durationMs: 1 } });
    }
    expect(tried).toEqual(['revert', 'revert', 'restore-dump']);
    expect(world.state.rollbacks[0]).toMatchObject({ status: 'completed', outcome: 'restored' });
  });

  it('takes the database back only if it is the cause [QA-9]', () => {
    const schema = run('one/schema', { undo: undo({ onlyIf: isCause }) });
    const innocent = takenBack([schema]);
    expect(argvs(innocent)).toEqual(['probe']);
    innocent.finishEffects({ outcome: 'failed', summary: 'exit code 1' });
    expect(innocent.state.rollbacks[0]?.parts).toMatchObject([
      { kind: 'exposure' },
      { kind: 'undo', name: 'one/schema', status: 'not-needed' },
    ]);
    expect(innocent.state.rollbacks[0]?.status).toBe('completed');
    const guilty = takenBack([schema]);
    guilty.give({
      kind: 'effect-finished',
      effectId: Object.keys(guilty.state.effects)[0] ?? '',
      result: { outcome: 'succeeded', summary: 'yes', durationMs: 1 },
    });
    expect(argvs(guilty)).toEqual(['restore']);
  });

  it('runs its commands in order, stops at the first that fails, and says where it stands [XR-5]', () => {
    const world = takenBack([
      run('one/scale', { undo: undoBy('scale-down') }),
      run('one/env', { undo: undoBy('flag-env-off') }),
    ]);
    expect(argvs(world)).toEqual(['flag-env-off']);
    world.give({
      kind: 'effect-finished',
      effectId: Object.keys(world.state.effects)[0] ?? '',
      result: { outcome: 'succeeded', summary: 'off', durationMs: 1 },
    });
    expect(argvs(world)).toEqual(['scale-down']);
    world.finishEffects({ outcome: 'failed', summary: 'no such deployment' });
    expect(world.last('rollback.failed')).toMatchObject({
      outcome: 'partial',
      standing:
        'failed at one/scale: no such deployment; on legacy: cache; taken back: one/env; not taken back: one/scale',
    });
    expect(world.state.status).toBe('paused');
  });

  it('does afterwards what the plan wants, once it is verified, and then announces it [QA-9, XR-5]', () => {
    const rollback = {
      afterwards: [
        { kind: 'run', command: command('scale-down') },
        { kind: 'notify', channel: 'chat', message: 'back' },
      ],
      escalate: null,
    } as const;
    const messages = { back: '{{ trouble.target }} is back: {{ trouble.reason }}' };
    const world = takenBack([run('one/schema', { undo: undoBy('restore') })], { rollback, messages });
    const done: string[] = [];
    while (Object.keys(world.state.effects).length > 0) {
      done.push(argvs(world)[0] ?? '');
      world.give({
        kind: 'effect-finished',
        effectId: Object.keys(world.state.effects)[0] ?? '',
        result: { outcome: 'succeeded', summary: 'done', durationMs: 1 },
      });
    }
    expect(done).toEqual(['restore', 'scale-down', 'plan moving is back: rollback in a test']);
    expect(world.state.outcome).toBe('rolled-back');
  });

  it('measures each part against its budget: instant for flags, five minutes for code, ten for the database [CO-11, CV-10]', () => {
    const world = takenBack([
      run('one/database', { undo: undoBy('restore-database'), budgetMs: 600_000 }),
      run('one/code', { undo: undoBy('deploy-old-code'), budgetMs: 300_000 }),
    ]);
    for (const minutes of [4, 11]) {
      world.now += minutes * 60_000;
      world.give({
        kind: 'effect-finished',
        effectId: Object.keys(world.state.effects)[0] ?? '',
        result: { outcome: 'succeeded', summary: 'done', durationMs: 1 },
      });
    }
    const [view] = viewOf(world.state, world.watches, world.now).rollbacks;
    expect(view?.parts).toMatchObject([
      { kind: 'exposure', durationMs: 0, budgetMs: 900_000 },
      { kind: 'undo', name: 'one/code', durationMs: 240_000, budgetMs: 300_000 },
      { kind: 'undo', name: 'one/database', durationMs: 660_000, budgetMs: 600_000 },
    ]);
    expect(view?.withinBudget).toBe(true);
  });

  it('tells people once when it takes longer than its budget, and when it fails [CV-10]', () => {
    const rollback = { afterwards: [], escalate: { channel: 'chat', message: 'stuck' } };
    const messages = { stuck: '{{ trouble.target }} is stuck: {{ trouble.standing }}' };
    const world = takenBack([run('one/schema', { undo: undoBy('restore') })], { rollback, messages });
    world.now += 120_001;
    world.give({ kind: 'timer' });
    world.give({ kind: 'timer' });
    expect(world.types().filter((type) => type === 'rollback.overran')).toHaveLength(1);
    expect(argvs(world)).toContain('plan moving is stuck: flags: cache; taken back: none; of: one/cache, one/schema');
    world.finishEffects({ outcome: 'failed', summary: 'gone' }, (id) => id.includes('/undo/'));
    expect(Object.keys(world.state.effects)).toContain('rollback-1/escalate/failed');
  });

  it('says so in a message where an artefact was not captured', () => {
    const rollback = { afterwards: [], escalate: { channel: 'chat', message: 'stuck' } };
    const messages = { stuck: 'restore {{ backup_id }} by hand' };
    const world = takenBack([run('one/schema', { undo: undoBy('restore') })], { rollback, messages });
    world.now += 120_001;
    world.give({ kind: 'timer' });
    expect(argvs(world)).toContain('restore (backup_id is not known yet) by hand');
  });

  it('goes back to a point: what came after it is taken back, what came before stays [QA-5]', () => {
    const world = new RolloutWorld(
      plan([
        phase('one', [
          run('one/schema', { undo: undoBy('undo-schema') }),
          point('one/after-schema', 'after-schema'),
          run('one/seed', { undo: undoBy('undo-seed') }),
        ]),
        phase('two', [ramp('two', 'cache')], ['one']),
        phase('three', [ramp('three', 'search')], ['two']),
      ]),
    );
    world.finishEffects();
    world.confirm();
    world.live(20_000);
    expect(world.command({ verb: 'rollback', scope: 'point', target: 'nowhere', overMs: 0 })?.code).toBe('not-found');
    expect(world.command({ verb: 'rollback', scope: 'point', target: 'after-schema', overMs: 0 })).toBeNull();
    world.confirm();
    expect(argvs(world)).toEqual(['undo-seed']);
    world.finishEffects();
    expect(world.exposure('cache')).toBe(0);
    expect(world.state.steps['one/schema']?.status).toBe('completed');
    expect(world.state.steps['one/seed']?.status).toBe('rolled-back');
    expect(world.state.steps['three/search']?.status).toBe('skipped');
    expect(replay(world.events)).toEqual(world.state);
  });

  it('moves nobody onto legacy while legacy is no better, and does as soon as it is [QA-9]', () => {
    const world = new RolloutWorld(plan([phase('one', [ramp('one', 'cache', { soakMs: 3_600_000 })])]));
    world.confirm();
    world.live(20_000);
    world.live(60_000, { errors: { value: 30, legacy: 45, legacySample: 500 } });
    expect(world.exposure('cache')).toBe(10);
    expect(world.state.steps['one/cache']?.hold?.reason).toBe('destination');
    expect(viewOf(world.state, world.watches, world.now).waits[0]?.text).toContain('legacy is no better');
    world.live(20_000, { errors: { value: 30, legacy: 0.2, legacySample: 500 } });
    expect(world.exposure('cache')).toBe(0);
  });

  it('trusts no destination that too few requests speak for, and a person is never kept from it', () => {
    const unsure = new RolloutWorld(plan([phase('one', [ramp('one', 'cache')])]));
    unsure.live(20_000, { errors: { value: 30, legacy: 45, legacySample: 3 } });
    expect(unsure.exposure('cache')).toBe(0);
    const held = new RolloutWorld(plan([phase('one', [ramp('one', 'cache')])]));
    held.live(20_000, { errors: { value: 30, legacy: 45, legacySample: 500 } });
    expect(held.command({ verb: 'rollback', scope: 'flag', target: 'cache', overMs: 0 })).toBeNull();
    expect(held.exposure('cache')).toBe(0);
  });
});

describe('what was rolled back', () => {
  it('can be begun again from a step, in a run that has ended too [ALL-8]', () => {
    const world = takenBack([run('one/schema', { undo: undoBy('restore') })]);
    world.finishEffects();
    expect(world.state.outcome).toBe('rolled-back');
    expect(world.command({ verb: 'retry', stepId: 'one/schema', andAfter: true })).toBeNull();
    expect(world.state).toMatchObject({ status: 'running', outcome: null });
    expect(Object.keys(world.state.effects)).toEqual(['one/schema#2.1']);
    world.finishEffects();
    world.confirm();
    world.live(400_000);
    expect(world.exposure('cache')).toBe(100);
    expect(world.state.outcome).toBe('succeeded');
    expect(replay(world.events)).toEqual(world.state);
  });
});

describe('a rehearsal', () => {
  const safe = undo({ rehearsable: true });
  const rehearse: Step = { ...common('one/rehearse'), kind: 'rehearse', scope: 'plan', target: '' };
  const verify: Probe = {
    kind: 'http',
    url: 'http://legacy/health',
    method: 'GET',
    expect: { status: 200, withinMs: 500, contains: null },
  };
  const rehearsed = (schema: Step) =>
    new RolloutWorld(plan([phase('one', [schema, rehearse, ramp('one', 'cache', { verify: [verify] })])]));

  it('really runs what is declared safe, and the probes, before anything moves [CV-12]', () => {
    const world = rehearsed(run('one/schema', { undo: safe }));
    world.finishEffects({}, (id) => id.startsWith('one/schema'));
    expect(argvs(world)).toEqual(['restore']);
    world.finishEffects({}, (id) => id === 'one/rehearse#1.1');
    expect(argvs(world)).toEqual(['probe']);
    expect(world.exposure('cache')).toBe(0);
    world.finishEffects();
    expect(world.exposure('cache')).toBe(10);
  });

  it('that fails, or takes longer than the budget of the real thing, holds the plan [CV-12]', () => {
    const failed = rehearsed(run('one/schema', { undo: safe }));
    failed.finishEffects({}, (id) => id.startsWith('one/schema'));
    failed.finishEffects({ outcome: 'failed', summary: 'exit code 1' });
    expect(failed.state.steps['one/rehearse']?.hold?.reason).toBe('rehearsal-failed');
    const slow = rehearsed(run('one/schema', { undo: safe, budgetMs: 60_000 }));
    slow.finishEffects({}, (id) => id.startsWith('one/schema'));
    slow.finishEffects({ durationMs: 90_000 }, (id) => id === 'one/rehearse#1.1');
    expect(slow.state.steps['one/rehearse']?.hold).toMatchObject({
      reason: 'rehearsal-failed',
      text: 'undo one/schema took 1m 30s, its budget is 1m',
    });
    expect(slow.exposure('cache')).toBe(0);
  });
});

describe('a change freeze', () => {
  const freeze: Step = {
    ...common('one/freeze'),
    kind: 'freeze',
    command: command('freeze', 'on'),
    lift: command('freeze', 'off'),
  };
  const frozen = () => {
    const world = new RolloutWorld(plan([phase('one', [freeze, ramp('one', 'cache', { through: [100_000] })])]));
    world.finishEffects();
    world.confirm();
    return world;
  };

  it.each<[string, (world: RolloutWorld) => void]>([
    ['is done', (world) => world.live(100_000)],
    ['is aborted', (world) => void world.command({ verb: 'abort' })],
    [
      'is rolled back',
      (world) => {
        world.command({ verb: 'rollback', scope: 'plan', overMs: 0 });
        world.confirm();
      },
    ],
  ])('is lifted when the run %s [QA-13]', (_how, end) => {
    const world = frozen();
    expect(argvs(world)).toEqual([]);
    end(world);
    expect(argvs(world)).toEqual(['freeze off']);
    world.finishEffects();
    expect(world.state.freezes['one/freeze']?.status).toBe('lifted');
  });

  it('that cannot be lifted is tried three times and then shown to people [QA-13]', () => {
    const world = frozen();
    world.command({ verb: 'abort' });
    world.finishEffects({ outcome: 'failed', summary: 'forbidden' });
    expect(world.events.filter(({ type }) => type === 'effect.finished')).toHaveLength(4);
    expect(world.state.freezes['one/freeze']?.status).toBe('failed');
    expect(viewOf(world.state, world.watches, world.now).waits[0]?.text).toContain('could not be lifted');
  });
});
