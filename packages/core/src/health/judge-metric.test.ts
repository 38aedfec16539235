import { describe, expect, it } from 'vitest';
import { rollbackNow, rule } from '../../test-support/given-plan.ts';
import type { Gate, RuleAction } from './condition.ts';
import { compareVariants } from './experiment/compare-variants.ts';
import type { MetricComparison } from './experiment/metric-comparison.ts';
import { beginWatch, isHealthy, observe } from './judge-gate.ts';
import type { Reading } from './reading.ts';
import { isBlind } from './verdict.ts';

const TEXT = 'response-rate worse than legacy';

function gateOf(action: RuleAction, by = 0): Gate {
  const bound = { kind: 'shown-worse', by } as const;
  return {
    name: 'standard',
    everyMs: 1_000,
    minSample: 20,
    rules: [rule({ signal: 'response-rate', comparison: '<', bound, text: TEXT, unit: 'percent' }, action)],
  };
}

function metricOf(legacy: number, short: number, users = [2_000, 2_000]): MetricComparison {
  const arm = (variant: string, of: number, conversions: number) => ({
    variant,
    users: of,
    conversions,
    value: 0,
    squares: 0,
    expected: 0.5,
  });
  return compareVariants({
    flag: 'reply',
    metric: { name: 'response-rate', goal: 'replied', measure: 'rate', better: 'higher' },
    variants: [arm('legacy', users[0] ?? 0, legacy), arm('short', users[1] ?? 0, short)],
  });
}

/** One look at the gate. */
function look(reading: Partial<Reading>, gate: Gate = gateOf({ kind: 'hold' })) {
  const target = { id: 'one/reply', stepId: 'one/reply', flag: 'reply', stage: 0, since: 0, gate };
  const whole: Reading = {
    signal: 'response-rate',
    status: 'ok',
    value: 30,
    ageMs: 0,
    source: 'goal replied',
    ...reading,
  };
  const { verdict } = observe(beginWatch(target, 0), gate, { at: 1_000, readings: [whole] }, {}, { counting: true });
  if (verdict === null) throw new Error('nothing was judged');
  return verdict;
}

describe('a rule on a goal', () => {
  it('acts when the whole interval says that a variant is worse, and says it in numbers [CO-7]', () => {
    const verdict = look({ metric: metricOf(800, 600) });
    expect(verdict).toMatchObject({ verdict: 'fail', action: { kind: 'hold' } });
    expect(verdict.text).toMatch(
      /^response-rate worse than legacy: short: worse, 30 % of 2000 users, on legacy 40 %, a difference of -\d+(\.\d+)? points to -\d+(\.\d+)? points \(95 % sure at every look\)$/,
    );
    expect(look({ metric: metricOf(800, 600) }, gateOf({ kind: 'warn' })).verdict).toBe('warn');
  });

  it('keeps while the interval holds no difference, or less than the rule lets pass [CO-7]', () => {
    expect(look({ metric: metricOf(800, 780) })).toMatchObject({ verdict: 'pass', action: null });
    expect(look({ metric: metricOf(800, 1_000) }).verdict).toBe('pass');
    expect(look({ metric: metricOf(800, 600) }, gateOf({ kind: 'hold' }, 20)).verdict).toBe('pass');
    expect(look({ metric: metricOf(800, 600) }, gateOf({ kind: 'hold' }, 2)).verdict).toBe('fail');
  });

  it.each<[string, Partial<Reading>, RegExp]>([
    ['too few users', { metric: metricOf(10, 5, [50, 50]) }, /needs data.*more users are needed/],
    ['nobody at all', { status: 'no-data', value: null, metric: metricOf(0, 0, [0, 0]) }, /nobody was exposed yet/],
    ['users who are not divided as they should be', { metric: metricOf(800, 300, [2_000, 1_500]) }, /not divided/],
  ])(
    'is neither health nor a rollback with %s, and no blindness that takes a ramp back [CO-7]',
    (_what, reading, text) => {
      const verdict = look(reading, gateOf(rollbackNow));
      expect(verdict).toMatchObject({ verdict: 'inconclusive', action: null, text: expect.stringMatching(text) });
      expect(isHealthy(verdict.verdict)).toBe(false);
      expect(isBlind(verdict)).toBe(false);
    },
  );

  it('is blind where no SDK is heard any more, or none ever was', () => {
    expect(isBlind(look({ status: 'no-data', value: null, problem: 'no SDK has reported' }))).toBe(true);
    const verdict = look({ status: 'stale', value: null, ageMs: 90_000 });
    expect(verdict.verdict).toBe('inconclusive');
    expect(isBlind(verdict)).toBe(true);
  });
});
