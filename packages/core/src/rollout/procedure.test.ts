import { describe, expect, it } from 'vitest';
import { common, phase, plan, ramp, rule, standardGate, undoBy } from '../../test-support/given-plan.ts';
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
      then: [
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
    const rollback = { then: [], escalate: { channel: 'chat', message: 'stuck' } };
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

describe('a contingency', () => {
  const slow = {
    name: 'slow',
    title: 'the provider is slow',
    gate: {
      ...standardGate,
      name: 'slow',
      rules: [rule({ text: 'errors > 20%', bound: { kind: 'absolute', value: 20 } }, { kind: 'warn' })],
    },
    flag: 'cache',
    actions: [
      { kind: 'run', command: command('tighten-timeout') },
      { kind: 'rollback', flag: 'cache' },
      { kind: 'notify', channel: 'chat', message: 'done' },
    ],
    cooldownMs: null,
  } as const;
  const armed = (changes: Partial<Plan['contingencies'][string]> = {}) => {
    const lenient = {
      ...standardGate,
      rules: [rule({ text: 'errors > 90%', bound: { kind: 'absolute', value: 90 } }, { kind: 'hold' })],
    };
    const world = new RolloutWorld(
      plan([phase('one', [ramp('one', 'cache', { soakMs: 86_400_000 })])], {
        gates: { standard: lenient },
        contingencies: { slow: { ...slow, ...changes } },
      }),
    );
    world.confirm();
    return world;
  };

  it('acts in order when its condition comes true, and only once [QA-11]', () => {
    const world = armed();
    world.live(30_000, { errors: 30 });
    expect(argvs(world)).toEqual(['tighten-timeout']);
    expect(world.exposure('cache')).toBe(10);
    world.finishEffects({}, (id) => id.startsWith('contingency'));
    expect(world.exposure('cache')).toBe(0);
    world.confirm();
    expect(world.state.contingencies['slow']).toMatchObject({ status: 'done', actionsDone: 3 });
    world.live(60_000, { errors: 30 });
    expect(world.types().filter((type) => type === 'contingency.fired')).toHaveLength(1);
  });

  it('stops where an action fails [QA-11]', () => {
    const world = armed();
    world.live(30_000, { errors: 30 });
    world.finishEffects({ outcome: 'failed', summary: 'exit code 1' });
    expect(world.state.contingencies['slow']?.status).toBe('failed');
    expect(world.exposure('cache')).toBe(10);
  });

  it('acts again after its cool-down, not before [QA-11]', () => {
    const world = armed({ cooldownMs: 600_000, actions: [{ kind: 'notify', channel: 'chat', message: 'done' }] });
    for (let minute = 0; minute < 15; minute += 1) {
      world.live(60_000, { errors: 30 });
      world.finishEffects();
    }
    expect(world.types().filter((type) => type === 'contingency.fired')).toHaveLength(2);
  });

  it('acts when a person says so, runs and sends nothing while the run is paused, and goes on after [QA-11, CO-15]', () => {
    const world = armed({ gate: null, flag: null });
    world.command({ verb: 'pause', scope: 'system' });
    expect(world.command({ verb: 'trigger', name: 'slow' })).toBeNull();
    expect(argvs(world)).toEqual([]);
    expect(world.command({ verb: 'trigger', name: 'fast' })?.code).toBe('not-found');
    world.command({ verb: 'resume', scope: 'system' });
    expect(argvs(world)).toEqual(['tighten-timeout']);
  });
});

describe('a timeline', () => {
  const T = 10_000_000;
  const at = (id: string, offsetMs: number, changes: Partial<Step> = {}): Step =>
    ({ ...run(id), notBefore: T + offsetMs, takesMs: 600_000, ...changes }) as Step;
  const launched = () => new RolloutWorld(plan([phase('one', [at('one/early', -1_800_000), at('one/launch', 0)])]));

  it('begins each step at its moment, and not earlier [QA-3]', () => {
    const world = launched();
    expect(argvs(world)).toEqual([]);
    expect(viewOf(world.state, world.watches, world.now).waits[0]).toMatchObject({ on: 'time', until: T - 1_800_000 });
    world.live(T - 1_800_000 - world.now);
    expect(argvs(world)).toEqual(['one/early']);
    world.finishEffects();
    expect(argvs(world)).toEqual([]);
    world.live(T - world.now);
    expect(argvs(world)).toEqual(['one/launch']);
  });

  it('says what is late and what is overdue [QA-3]', () => {
    const world = launched();
    world.live(T - 1_800_000 - world.now);
    const timeliness = (index: number) =>
      viewOf(world.state, world.watches, world.now).phases[0]?.steps[index]?.timeliness;
    expect(timeliness(0)).toBe('on-time');
    world.live(720_000);
    expect(timeliness(0)).toBe('overdue');
    world.live(T + 120_000 - world.now);
    expect(timeliness(1)).toBe('late');
  });

  it('catches up in order after a downtime, and asks each gate afresh: nothing jumps [ALL-3]', () => {
    const world = new RolloutWorld(
      plan([phase('one', [at('one/early', 0), ramp('one', 'cache', { soakMs: 600_000 })])]),
    );
    world.now = T + 86_400_000;
    world.give({ kind: 'timer' });
    world.finishEffects();
    world.confirm();
    world.live(590_000);
    expect(world.exposure('cache')).toBe(10);
    // The server is away for a day in the middle of a soak: that day proves nothing.
    world.now += 86_400_000;
    world.live(10_000);
    expect(world.exposure('cache')).toBe(10);
    world.live(20_000);
    expect(world.exposure('cache')).toBe(50);
  });
});

describe('a pause', () => {
  it('of the run and of the system end one by one, and shift time-outs and waits by the whole of it [CO-15]', () => {
    const wait: Step = {
      ...common('one/rest'),
      kind: 'wait',
      until: { kind: 'duration', durationMs: 600_000 },
      timeoutMs: 900_000,
    };
    const world = new RolloutWorld(plan([phase('one', [wait, ramp('one', 'cache')])]));
    const { until } = world.state.steps['one/rest'] ?? {};
    world.command({ verb: 'pause' });
    world.now += 1_000_000;
    world.command({ verb: 'pause', scope: 'system' });
    world.now += 1_000_000;
    expect(world.command({ verb: 'resume' })).toBeNull();
    expect(world.state).toMatchObject({ status: 'paused', pausedBy: ['system'] });
    expect(world.command({ verb: 'resume' })?.message).toContain('theseus resume --all');
    world.command({ verb: 'resume', scope: 'system' });
    expect(world.state.steps['one/rest']?.until).toBe((until ?? 0) + 2_000_000);
    world.give({ kind: 'timer' });
    expect(world.state.steps['one/rest']).toMatchObject({ status: 'running', hold: null });
    world.live(610_000);
    expect(world.exposure('cache')).toBe(10);
  });

  it('lets health be judged and a rollback run to its end [CO-15]', () => {
    const world = new RolloutWorld(plan([phase('one', [ramp('one', 'cache', { undo: undoBy('restore') })])]));
    world.confirm();
    world.command({ verb: 'pause', scope: 'system' });
    world.live(600_000);
    expect(world.exposure('cache')).toBe(10);
    world.live(20_000, { errors: 40 });
    world.confirm();
    world.finishEffects();
    expect(world.state.rollbacks[0]?.outcome).toBe('restored');
    expect(world.state.status).toBe('paused');
  });
});

describe('a ramp by the calendar', () => {
  it('moves on Monday, Wednesday and Friday, one exposure each [PX-6]', () => {
    const windows = [{ days: [1, 3, 5] as const, fromMinute: 600, toMinute: 720, zone: 'UTC' }];
    const world = new RolloutWorld(
      plan([phase('one', [ramp('one', 'cache', { windows, oncePerWindow: true, soakMs: 1_800_000 })])]),
    );
    const seen: string[] = [];
    let last = world.exposure('cache');
    // 5 January 1970 was a Monday.
    world.now = Date.parse('1970-01-05T00:00:00Z');
    world.give({ kind: 'timer' });
    while (world.state.status === 'running' && world.now < Date.parse('1970-01-20T00:00:00Z')) {
      world.live(600_000);
      world.confirm();
      if (world.exposure('cache') === last) continue;
      last = world.exposure('cache');
      seen.push(`${new Date(world.now).toISOString().slice(5, 13)} ${last}`);
    }
    expect(seen).toEqual(['01-05T10 10', '01-07T10 50', '01-09T10 100']);
  });

  it('has a soak of its own at each exposure, and begins with those who are named [XR-2]', () => {
    const world = new RolloutWorld(
      plan([
        phase('one', [ramp('one', 'cache', { through: [0, 10_000, 100_000], soaksMs: [60_000, 600_000, 60_000] })]),
      ]),
    );
    world.confirm();
    expect(world.state.flags['cache']).toMatchObject({ status: 'ramping', exposure: 0 });
    world.live(80_000);
    expect(world.exposure('cache')).toBe(10);
    world.live(300_000);
    expect(world.exposure('cache')).toBe(10);
    world.live(320_000);
    expect(world.exposure('cache')).toBe(100);
  });
});

describe('a risky moment', () => {
  it('carries its mitigation wherever the step is shown [CO-18]', () => {
    const mitigation = 'The dump of the night before is kept';
    const world = new RolloutWorld(plan([phase('one', [run('one/drop', { mitigation })])]));
    expect(viewOf(world.state, world.watches, world.now).phases[0]?.steps[0]?.mitigation).toBe(mitigation);
  });
});
