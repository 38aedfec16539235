import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rollbackNow, rule, standardGate } from '../../test-support/given-plan.ts';
import { measured, verdictOf } from '../../test-support/rollout-world.ts';
import type { Gate, RuleAction } from './condition.ts';
import { beginWatch, observe } from './judge-gate.ts';
import type { Baseline, Reading } from './reading.ts';
import { VERDICTS, type Watch, worse } from './verdict.ts';

const warn: RuleAction = { kind: 'warn' };
const hold: RuleAction = { kind: 'hold' };

function watchOf(gate: Gate): Watch {
  return beginWatch({ id: 'w', stepId: 's', flag: 'f', stage: 0, since: 0, gate }, 0);
}

function look(gate: Gate, readings: Record<string, number | Partial<Reading>>, baseline: Baseline = {}) {
  return verdictOf(observe(watchOf(gate), gate, measured(1, readings), baseline, { counting: true }));
}

function gateOf(...rules: Gate['rules']): Gate {
  return { ...standardGate, rules };
}

describe('worse()', () => {
  it('follows the published precedence fail > error > inconclusive > warn > pass [CV-3]', () => {
    expect(VERDICTS.toReversed()).toEqual(['fail', 'error', 'inconclusive', 'warn', 'pass']);
    for (const [low, left] of VERDICTS.entries()) {
      for (const [high, right] of VERDICTS.entries()) expect(worse(left, right)).toBe(VERDICTS[Math.max(low, high)]);
    }
  });
});

describe('observe()', () => {
  it.each([
    [4.9, 'pass'],
    [5, 'pass'],
    [5.01, 'fail'],
  ])('judges errors of %d %% against "> 5%%" as %s: the bound itself keeps [CV-3]', (value, verdict) => {
    expect(look(standardGate, { errors: value }).verdict).toBe(verdict);
  });

  it.each<[string, Partial<Reading>, string]>([
    ['no data', { status: 'no-data', value: null }, 'inconclusive'],
    ['a stale value', { status: 'stale', value: 0, ageMs: 99_000 }, 'inconclusive'],
    ['NaN', { value: Number.NaN }, 'inconclusive'],
    ['infinity', { value: Number.POSITIVE_INFINITY }, 'inconclusive'],
    ['too few requests', { value: 100, sample: 19 }, 'inconclusive'],
    ['a source that cannot be asked', { status: 'error', value: null, problem: 'HTTP 500' }, 'error'],
  ])('never takes %s for health or for failure [CV-3]', (_what, reading, verdict) => {
    const judged = look(standardGate, { errors: reading });
    expect(judged.verdict).toBe(verdict);
    expect(judged.action).toBeNull();
  });

  it('takes a signal that was not measured at all as inconclusive', () => {
    expect(look(standardGate, {}).verdict).toBe('inconclusive');
  });

  it('lets a failure act although another source is dead', () => {
    const gate = gateOf(
      rule({ text: 'latency > 500ms', signal: 'latency', bound: { kind: 'absolute', value: 500 } }, hold),
      rule({ text: 'errors > 5%' }, rollbackNow),
    );
    const judged = look(gate, { latency: { status: 'error', value: null }, errors: 30 });
    expect(judged.verdict).toBe('fail');
    expect(judged.action).toEqual(rollbackNow);
    expect(judged.text).toContain('errors 30');
  });

  it.each<[string, Gate['rules'][number]['condition']['bound'], number, string]>([
    ['> 2x baseline', { kind: 'factor', reference: 'baseline', factor: 2 }, 241, 'fail'],
    ['> 2x baseline', { kind: 'factor', reference: 'baseline', factor: 2 }, 240, 'pass'],
    ['> baseline + 5 points', { kind: 'offset', reference: 'baseline', offset: 5 }, 126, 'fail'],
    ['> baseline + 5 points', { kind: 'offset', reference: 'baseline', offset: 5 }, 125, 'pass'],
    ['> 1.5x legacy', { kind: 'factor', reference: 'legacy', factor: 1.5 }, 151, 'fail'],
    ['> legacy + 5 points', { kind: 'offset', reference: 'legacy', offset: 5 }, 104, 'pass'],
  ])('judges "%s" with baseline 120 and legacy 100 [CO-10]', (text, bound, value, verdict) => {
    const gate = gateOf(rule({ text, bound }, rollbackNow));
    expect(look(gate, { errors: { value, legacy: 100 } }, { errors: 120 }).verdict).toBe(verdict);
  });

  it('judges "< 90% of baseline" downwards [CV-3]', () => {
    const gate = gateOf(
      rule(
        {
          text: 'errors < 90% of baseline',
          comparison: '<',
          bound: { kind: 'factor', reference: 'baseline', factor: 0.9 },
        },
        rollbackNow,
      ),
    );
    expect(look(gate, { errors: 89 }, { errors: 100 }).verdict).toBe('fail');
    expect(look(gate, { errors: 90 }, { errors: 100 }).verdict).toBe('pass');
    expect(look(gate, { errors: 1 }, {}).verdict).toBe('inconclusive');
  });

  it('fires a `for` condition only after it has held without a break', () => {
    const gate = gateOf(rule({ text: 'errors > 5% for 30s', forMs: 30_000 }, rollbackNow));
    let watch = watchOf(gate);
    const seen = [10, 10, 10, 1, 10, 10, 10, 10].map((errors, index) => {
      watch = observe(watch, gate, measured((index + 1) * 10_000, { errors }), {}, { counting: true });
      return verdictOf(watch).verdict;
    });
    expect(seen).toEqual(['pass', 'pass', 'pass', 'pass', 'pass', 'pass', 'pass', 'fail']);
  });

  it('breaks a `for` at a gap in the looks', () => {
    const gate = gateOf(rule({ text: 'errors > 5% for 30s', forMs: 30_000 }, rollbackNow));
    let watch = observe(watchOf(gate), gate, measured(10_000, { errors: 9 }), {}, { counting: true });
    watch = observe(watch, gate, measured(100_000, { errors: 9 }), {}, { counting: true });
    expect(verdictOf(watch).verdict).toBe('pass');
  });

  it('counts only time between two healthy looks as soak, and none while paused', () => {
    let watch = watchOf(standardGate);
    const step = (seconds: number, errors: number | Partial<Reading>, counting = true): number => {
      watch = observe(watch, standardGate, measured(seconds * 1_000, { errors }), {}, { counting });
      return watch.soakedMs;
    };
    expect(step(10, 0)).toBe(0);
    expect(step(20, 0)).toBe(10_000);
    expect(step(30, { status: 'no-data', value: null })).toBe(10_000);
    expect(step(40, 0)).toBe(10_000);
    expect(step(50, 0)).toBe(20_000);
    expect(step(60, 0, false)).toBe(20_000);
    expect(step(1_000, 0)).toBe(20_000);
  });

  it('judges on by a clock that was set back, and counts no time for it', () => {
    const looked = observe(
      watchOf(standardGate),
      standardGate,
      measured(50_000, { errors: 0 }),
      {},
      { counting: true },
    );
    const watch = observe(looked, standardGate, measured(60_000, { errors: 0 }), {}, { counting: true });
    const later = observe(watch, standardGate, measured(10_000, { errors: 99 }), {}, { counting: true });
    expect(later).toMatchObject({ lastAt: 10_000, soakedMs: watch.soakedMs, verdict: { verdict: 'fail' } });
  });

  it('ignores a measurement that is not newer', () => {
    const watch = observe(watchOf(standardGate), standardGate, measured(50_000, { errors: 0 }), {}, { counting: true });
    expect(observe(watch, standardGate, measured(50_000, { errors: 99 }), {}, { counting: true })).toBe(watch);
    expect(observe(watch, standardGate, measured(30_000, { errors: 99 }), {}, { counting: true })).toBe(watch);
  });

  it('keeps the last ten samples with the verdict [CV-3]', () => {
    let watch = watchOf(standardGate);
    for (let index = 1; index <= 25; index += 1) {
      watch = observe(watch, standardGate, measured(index * 10_000, { errors: index / 10 }), {}, { counting: true });
    }
    expect(watch.samples.map(({ readings }) => readings[0]?.value)).toEqual([
      1.6, 1.7, 1.8, 1.9, 2, 2.1, 2.2, 2.3, 2.4, 2.5,
    ]);
  });

  it('chooses the hardest of the actions that fire', () => {
    const over: RuleAction = { kind: 'rollback', scope: 'flag', overMs: 300_000 };
    const planWide: RuleAction = { kind: 'rollback', scope: 'plan', overMs: 0 };
    const actions = [warn, hold, over, rollbackNow, planWide];
    fc.assert(
      fc.property(fc.shuffledSubarray(actions, { minLength: 1 }), (chosen) => {
        const gate = gateOf(...chosen.map((action, index) => rule({ text: `rule ${index}` }, action)));
        const hardest = chosen.toSorted((left, right) => actions.indexOf(right) - actions.indexOf(left))[0];
        expect(look(gate, { errors: 50 }).action).toEqual(hardest);
      }),
    );
  });
});
