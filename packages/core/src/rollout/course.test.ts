import { describe, expect, it } from 'vitest';
import { common, phase, plan, ramp, rule, standardGate, undoBy } from '../../test-support/given-plan.ts';
import { RolloutWorld } from '../../test-support/rollout-world.ts';
import type { Plan, Step } from '../plan/index.ts';
import { viewOf } from './view-of.ts';

const run = (id: string, changes: Partial<Extract<Step, { kind: 'run' }>> = {}): Step => ({
  ...common(id),
  kind: 'run',
  command: { argv: [id], repeatable: false },
  captures: [],
  ...changes,
});
const command = (...argv: string[]) => ({ argv, repeatable: true });

function argvs(world: RolloutWorld): readonly string[] {
  return Object.values(world.state.effects).map(({ request }) =>
    request.kind === 'command' ? request.argv.join(' ') : request.kind === 'message' ? request.text : request.kind,
  );
}

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

  it('is not promoted outside its window, and says when that opens [PX-6]', () => {
    const windows = [{ days: [], fromMinute: 120, toMinute: 240, zone: 'UTC' }];
    const world = new RolloutWorld(plan([phase('one', [ramp('one', 'cache', { windows })])]));
    world.now = Date.parse('1970-01-02T02:00:00Z');
    world.give({ kind: 'timer' });
    expect(world.exposure('cache')).toBe(10);
    world.now = Date.parse('1970-01-02T04:00:00Z');
    expect(world.command({ verb: 'promote' })).toEqual({
      code: 'invalid-state',
      message: 'one/cache moves in its window only, which opens at 1970-01-03T02:00:00.000Z',
    });
    expect(world.exposure('cache')).toBe(10);
    world.now = Date.parse('1970-01-03T02:00:00Z');
    for (const exposure of [50, 100]) {
      expect(world.command({ verb: 'promote' })).toBeNull();
      expect(world.exposure('cache')).toBe(exposure);
    }
    // What is done moves nobody any more: its last soak may be ended at any time.
    world.now = Date.parse('1970-01-03T12:00:00Z');
    expect(world.command({ verb: 'promote' })).toBeNull();
    expect(world.state.outcome).toBe('succeeded');
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
