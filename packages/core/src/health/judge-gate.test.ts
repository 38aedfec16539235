import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rollbackNow, rule, standardGate } from '../../test-support/given-plan.ts';
import { measured, verdictOf } from '../../test-support/rollout-world.ts';
import type { Baseline } from './baseline.ts';
import type { Gate, RuleAction } from './condition.ts';
import { beginWatch, observe } from './judge-gate.ts';
import type { Reading } from './reading.ts';
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

describe('a value that is near its bound [CV-11]', () => {
  const near = (condition: Parameters<typeof rule>[0], share = 0.8): Gate => ({
    ...standardGate,
    near: share,
    rules: [rule(condition, rollbackNow)],
  });
  const least = { comparison: '<', bound: { kind: 'absolute', value: 95 } } as const;
  const speed = {
    signal: 'rate',
    comparison: '<',
    bound: { kind: 'absolute', value: 100 },
    unit: 'per-second',
  } as const;

  it.each<[string, Parameters<typeof rule>[0], number, string]>([
    ['below the share', { text: 'errors > 5%' }, 3.9, 'pass'],
    ['at the share', { text: 'errors > 5%' }, 4, 'warn'],
    ['at the bound', { text: 'errors > 5%' }, 5, 'warn'],
    ['beyond the bound', { text: 'errors > 5%' }, 5.1, 'fail'],
    ['a least share, by what is missing from all', { text: 'errors < 95%', ...least, unit: 'percent' }, 96, 'warn'],
    ['a least share that is far', { text: 'errors < 95%', ...least, unit: 'percent' }, 96.1, 'pass'],
    ['a least rate', { text: 'rate < 100', ...speed }, 125, 'warn'],
    ['a least rate that is far', { text: 'rate < 100', ...speed }, 126, 'pass'],
    ['no bound that is nothing', { text: 'errors > 0%', bound: { kind: 'absolute', value: 0 } }, 0, 'pass'],
  ])('%s', (_what, condition, value, verdict) => {
    const gate = near(condition);
    expect(look(gate, { [condition.signal ?? 'errors']: value }).verdict).toBe(verdict);
  });

  it('is warned of in words with the unit and by how many requests, and asks for no more [CO-13]', () => {
    const gate = near({ text: 'errors > 5%', unit: 'percent' });
    const judged = look(gate, { errors: { value: 4.2, sample: 132 } });
    expect(judged.text).toBe('errors 4.2 % is near its bound 5 %, by 132 requests');
    expect(judged.action).toEqual(warn);
  });

  it('does not lend its action to a rule that fails', () => {
    const gate: Gate = {
      ...near({ text: 'errors > 5%' }),
      rules: [
        rule({ text: 'errors > 5%' }, { kind: 'rollback', scope: 'plan', overMs: 0 }),
        rule({ text: 'latency > 500ms', signal: 'latency', bound: { kind: 'absolute', value: 500 } }, hold),
      ],
    };
    expect(look(gate, { errors: 4.5, latency: 900 }).action).toEqual(hold);
  });
});

describe('a warm-up', () => {
  const gate: Gate = {
    ...standardGate,
    warmUpMs: 60_000,
    rules: [
      rule(
        { text: 'latency > 500ms', signal: 'latency', bound: { kind: 'absolute', value: 500 }, unit: 'ms' },
        rollbackNow,
      ),
      rule({ text: 'errors > 50%', bound: { kind: 'absolute', value: 50 } }, rollbackNow),
    ],
  };
  const at = (now: number, readings: Record<string, number>, before = watchOf(gate)) =>
    observe(before, gate, measured(now, readings), {}, { counting: true });

  it('judges no latency, and lets no soak grow, but judges everything else', () => {
    const cold = at(20_000, { latency: 9_000, errors: 1 }, at(10_000, { latency: 9_000, errors: 1 }));
    expect(cold).toMatchObject({ soakedMs: 0, unhealthySince: null, verdict: { verdict: 'pass', isWarmingUp: true } });
    expect(at(10_000, { latency: 1, errors: 60 }).verdict?.verdict).toBe('fail');
  });

  it('is over so long after the exposure was set', () => {
    const warm = at(70_000, { latency: 9_000, errors: 1 }, at(59_999, { latency: 9_000, errors: 1 }));
    expect(warm.verdict?.verdict).toBe('fail');
    expect(at(70_000, { latency: 9, errors: 1 }, at(61_000, { latency: 9, errors: 1 })).soakedMs).toBe(9_000);
  });
});

describe('blindness', () => {
  const blindAfter = (reading: Partial<Reading>) =>
    observe(watchOf(standardGate), standardGate, measured(10_000, { errors: reading }), {}, { counting: true })
      .blindSince;

  it.each<[string, Partial<Reading>]>([
    ['a source that cannot be asked', { status: 'error', value: null }],
    ['no data', { status: 'no-data', value: null }],
    ['a stale value', { status: 'stale', value: 1 }],
    ['NaN', { value: Number.NaN }],
  ])('is %s', (_what, reading) => expect(blindAfter(reading)).toBe(10_000));

  it.each<[string, Partial<Reading>]>([
    ['too few requests', { value: 1, sample: 3 }],
    ['nobody who came', { status: 'no-data', value: null, sample: 0 }],
    ['health', { value: 1 }],
    ['failure', { value: 60 }],
  ])('is not %s', (_what, reading) => expect(blindAfter(reading)).toBeNull());

  it('lasts until somebody can tell', () => {
    const dead = { errors: { status: 'error', value: null } } as const;
    let watch = watchOf(standardGate);
    for (const at of [10_000, 20_000, 900_000]) {
      watch = observe(watch, standardGate, measured(at, dead), {}, { counting: true });
      expect(watch.blindSince).toBe(10_000);
    }
    watch = observe(watch, standardGate, measured(910_000, { errors: 1 }), {}, { counting: true });
    expect(watch.blindSince).toBeNull();
  });
});

describe('a gate that observes', () => {
  it('warns of what it would have done', () => {
    const judged = look({ ...standardGate, mode: 'observe' }, { errors: 60 });
    expect(judged).toMatchObject({ verdict: 'warn', action: warn });
    expect(judged.text).toContain('would roll back the flag now: errors 60 breaks errors > 5%');
  });

  it('does not take silence for health', () => {
    expect(look({ ...standardGate, mode: 'observe' }, {}).verdict).toBe('inconclusive');
  });
});
