import { describe, expect, it } from 'vitest';
import { common, phase, plan, ramp, rule, standardGate, undoBy } from '../../test-support/given-plan.ts';
import type { Step } from '../plan/index.ts';
import { simulate } from './simulate.ts';
import { parseWhatIf } from './what-if.ts';

const HOUR = 3_600_000;
const WEEK = 7 * 24 * HOUR;
const gate = { ...standardGate, everyMs: 30_000 };
const options = { startAt: Date.parse('2026-03-02T09:00:00Z'), whatIf: [], approvalDelayMs: HOUR, seed: 1 };

function eightWeeks() {
  const watch: Step = { ...common('close/watch'), kind: 'watch', gate: 'standard', forMs: 2 * WEEK, flags: ['cache'] };
  const slow = { through: [1_000, 25_000, 100_000], soakMs: WEEK };
  return plan(
    [
      phase('first', [ramp('first', 'cache', slow)]),
      phase('second', [ramp('second', 'search', { ...slow, approve: { fromExposure: 25_000, by: [] } })], ['first']),
      phase('close', [watch], ['second']),
    ],
    { gates: { standard: gate } },
  );
}

describe('simulate()', () => {
  it("plays an eight-week plan with a check every 30 s to its end, by the engine's own decisions [ALL-2]", () => {
    const result = simulate(eightWeeks(), options);
    expect(result.outcome).toBe('succeeded');
    expect(result.checks).toBeGreaterThan(160_000);
    expect(result.endedAt - result.startedAt).toBeGreaterThanOrEqual(8 * WEEK);
    expect(result.events.length).toBeLessThan(100);
  });

  it('shows what a fault would do: the flag that meets it is rolled back within two checks [ALL-2]', () => {
    const whatIf = parseWhatIf('errors=8% at 2h', eightWeeks());
    const result = simulate(eightWeeks(), { ...options, whatIf });
    const rollback = result.events.find(({ type }) => type === 'rollback.initiated');
    expect(rollback?.at).toBeGreaterThanOrEqual(options.startAt + 2 * HOUR);
    expect(rollback?.at).toBeLessThanOrEqual(options.startAt + 2 * HOUR + 60_000);
    expect(result.view.flags.find(({ key }) => key === 'cache')?.status).toBe('rolled-back');
  });

  it('says what a silent source would lead to: the run is stuck and tells on what', () => {
    const whatIf = parseWhatIf('errors=silent at 1h', eightWeeks());
    const result = simulate(eightWeeks(), { ...options, whatIf });
    expect(result.outcome).toBe('unfinished');
    expect(result.stuckOn[0]?.text).toContain('nobody can tell');
  });

  it('goes on when a fault that only held has passed', () => {
    const gates = { standard: { ...gate, rules: [rule({ text: 'errors > 5%' }, { kind: 'hold' })] } };
    const held = { ...eightWeeks(), gates };
    const result = simulate(held, { ...options, whatIf: parseWhatIf('errors=8% at 2h for 3h', held) });
    expect(result.outcome).toBe('succeeded');
    expect(result.events.some(({ type }) => type === 'step.held')).toBe(true);
  });

  it('is as healthy to contingencies as to gates, and stays on the good side of a narrow bound', () => {
    const signal = {
      overMs: 60_000,
      freshForMs: 90_000,
      source: { kind: 'http', url: 'http://x.test', pointer: '' },
    } as const;
    const below = { comparison: '<', bound: { kind: 'absolute', value: 99.9 } } as const;
    const above = { signal: 'broken', bound: { kind: 'absolute', value: 0 } } as const;
    const up = rule({ text: 'up < 99.9%', signal: 'up', ...below }, { kind: 'hold' });
    const broken = rule({ text: 'broken > 0', ...above }, { kind: 'warn' });
    const given = plan([phase('one', [ramp('one', 'cache', { soakMs: WEEK })])], {
      gates: { standard: { ...gate, rules: [up] } },
      signals: {
        up: { ...signal, name: 'up', unit: 'percent' },
        broken: { ...signal, name: 'broken', unit: 'count' },
      },
      contingencies: {
        corrupt: {
          name: 'corrupt',
          title: 'corrupt',
          gate: { ...gate, name: 'corrupt', rules: [broken] },
          flag: null,
          actions: [{ kind: 'rollback', flag: 'cache' }],
          cooldownMs: null,
        },
      },
    });
    const { outcome, events } = simulate(given, options);
    expect(outcome).toBe('succeeded');
    expect(events.filter(({ type }) => type === 'contingency.fired' || type === 'step.held')).toEqual([]);
  });

  it('keeps the log of eight weeks lean, though health comes and goes twice a day: events are transitions', () => {
    const gates = { standard: { ...gate, rules: [rule({ text: 'errors > 5%' }, { kind: 'hold' })] } };
    const held = { ...eightWeeks(), gates };
    const faults = Array.from({ length: 2 * 56 }, (_, index) =>
      parseWhatIf(`errors=8% at ${12 * index + 2}h for 1h`, held),
    );
    const { events, checks } = simulate(held, { ...options, whatIf: faults.flat() });
    const bytes = events.reduce((sum, event) => sum + JSON.stringify(event).length, 0);
    expect(events.filter(({ type }) => type === 'step.held').length).toBeGreaterThan(100);
    expect(checks).toBeGreaterThan(160_000);
    expect(events.length).toBeLessThan(2_000);
    expect(bytes).toBeLessThan(5_000_000);
  });

  it('models a signal that is only compared, and one without any usual value, as healthy', () => {
    const relative = { kind: 'factor', reference: 'baseline', factor: 2 } as const;
    const baseline: Step = { ...common('one/baseline'), kind: 'baseline', overMs: HOUR };
    const reported = { source: { kind: 'reported' }, overMs: HOUR, freshForMs: WEEK } as const;
    const signals = {
      latency: {
        name: 'latency',
        source: { kind: 'telemetry', metric: 'latency-p95' },
        unit: 'ms',
        overMs: HOUR,
        freshForMs: HOUR,
      },
      tickets: { name: 'tickets', unit: 'count', ...reported },
      scores: { name: 'scores', unit: 'percent', ...reported },
    } as const;
    const rules = [
      rule({ text: 'latency > 2x baseline', signal: 'latency', bound: relative }, { kind: 'hold' }),
      rule({ text: 'tickets > 2x baseline', signal: 'tickets', bound: relative }, { kind: 'hold' }),
      rule(
        { text: 'scores < 90%', signal: 'scores', comparison: '<', bound: { kind: 'absolute', value: 90 } },
        { kind: 'hold' },
      ),
    ];
    const compared = plan([phase('one', [baseline, ramp('one', 'cache')])], {
      signals,
      gates: { standard: { ...gate, rules } },
    });
    const result = simulate(compared, options);
    expect(result.stuckOn).toEqual([]);
    expect(result.outcome).toBe('succeeded');
  });

  it('is the same for the same seed, and wanders otherwise with another', () => {
    const whatIf = parseWhatIf('errors=8% at 2h', eightWeeks());
    const play = (seed: number) => JSON.stringify(simulate(eightWeeks(), { ...options, whatIf, seed }).events);
    expect(play(1)).toBe(play(1));
    expect(play(2)).not.toBe(play(1));
  });

  it('follows a wait that is longer than a fortnight to its end', () => {
    const long: Step = { ...common('one/wait'), kind: 'wait', until: { kind: 'duration', durationMs: 5 * WEEK } };
    expect(simulate(plan([phase('one', [long])]), options).outcome).toBe('succeeded');
  });

  it('rolls back only when instances have followed, however slow they are', () => {
    const whatIf = parseWhatIf('errors=8% at 2h and instances=slow 3m at 1h', eightWeeks());
    const { events } = simulate(eightWeeks(), { ...options, whatIf });
    const completed = events.find(({ type }) => type === 'rollback.completed');
    expect(completed).toMatchObject({ durationMs: 180_000, withinBudget: false });
  });

  it('waits for people for as long as they take, at one step or at all', () => {
    const asked = plan([phase('one', [ramp('one', 'cache', { approve: { fromExposure: 50_000, by: [] } })])]);
    const waited = (text: string) => {
      const { events } = simulate(asked, { ...options, whatIf: parseWhatIf(text, asked) });
      const at = (type: string) => events.find((event) => event.type === type)?.at ?? Number.NaN;
      return at('approval.given') - at('approval.requested');
    };
    expect(waited('approval=4h')).toBe(4 * HOUR);
    expect(waited('approval=3w')).toBe(3 * WEEK);
    expect(waited('approval[one/cache]=2h and approval=4h')).toBe(2 * HOUR);
    expect(waited('approval=4h at 3d')).toBe(HOUR);
  });

  it.each([
    ['effect[one/run]=fail', 'command-failed'],
    ['effect[run]=unknown', 'outcome-unknown'],
    ['effect[run]=fail at 1h', null],
  ])('shows where %j leaves the run', (text, hold) => {
    const run: Step = { ...common('one/run'), kind: 'run', command: { argv: ['x'], repeatable: false }, captures: [] };
    const short = plan([phase('one', [run])]);
    const { outcome, view } = simulate(short, { ...options, whatIf: parseWhatIf(text, short) });
    expect(view.phases[0]?.steps[0]?.hold?.reason ?? null).toBe(hold);
    expect(outcome).toBe(hold === null ? 'succeeded' : 'unfinished');
  });

  it('shows a rollback that fails, when what takes a step back fails', () => {
    const broken = plan([phase('one', [ramp('one', 'cache', { undo: undoBy('undo') })])]);
    const whatIf = parseWhatIf('errors=8% at 30s and undo[cache]=fail', broken);
    expect(simulate(broken, { ...options, whatIf }).events.some(({ type }) => type === 'rollback.failed')).toBe(true);
  });
});
