import { describe, expect, it } from 'vitest';
import { rollbackNow, rule, standardGate } from '../../test-support/given-plan.ts';
import { measured, verdictOf } from '../../test-support/rollout-world.ts';
import { type Baseline, plainValue, type RecordedBaseline, usualAt } from './baseline.ts';
import { type BaselineShape, HOURS_OF_WEEK } from './baseline-shape.ts';
import type { Bound, Comparison } from './condition.ts';
import { explainWatch } from './explain-watch.ts';
import { beginWatch, observe } from './judge-gate.ts';

const HOUR = 3_600_000;
const MONDAY = Date.UTC(2026, 4, 4);
const MONDAY_MORNING = MONDAY + 9.5 * HOUR;
const SUNDAY_NIGHT = MONDAY - 20.5 * HOUR;

/** Ten times the traffic by day as by night, and double the latency. */
const shapeOf = (night: number, day: number): BaselineShape => ({
  kind: 'hour-of-week',
  hours: Array.from({ length: HOURS_OF_WEEK }, (_, slot) => (slot % 24 >= 8 && slot < 5 * 24 ? day : night)),
  covered: 160,
  weeks: 4,
});

const common = { over: { from: MONDAY - 28 * 24 * HOUR, to: MONDAY }, source: 'telemetry' } as const;
const latency: RecordedBaseline = { ...common, value: 110, unit: 'ms', shape: shapeOf(100, 150) };
const throughput: RecordedBaseline = { ...common, value: 40, unit: 'per-second', shape: shapeOf(10, 100) };

interface Asked {
  readonly signal: string;
  readonly comparison: Comparison;
  readonly bound: Bound;
  readonly text: string;
}

const twice: Asked = {
  signal: 'latency',
  comparison: '>',
  bound: { kind: 'factor', reference: 'baseline', factor: 2 },
  text: 'latency > 2x baseline',
};
const least: Asked = {
  signal: 'throughput',
  comparison: '<',
  bound: { kind: 'factor', reference: 'baseline', factor: 0.9 },
  text: 'throughput < 90% of baseline',
};

function look({ signal, ...asked }: Asked, value: number, at: number, baseline: Baseline = { latency, throughput }) {
  const unit = signal === 'latency' ? 'ms' : 'per-second';
  const gate = { ...standardGate, rules: [rule({ ...asked, signal, unit }, rollbackNow)] };
  const watch = beginWatch({ id: 'w', stepId: 'w', flag: 'cache', stage: 0, since: 0, gate }, at);
  return observe(watch, gate, measured(at, { [signal]: value }), baseline, { counting: true });
}

describe('a baseline with the hours of the week', () => {
  it.each([
    ["a night's quiet is no alarm", least, 9.5, SUNDAY_NIGHT, 'pass'],
    ['half of a quiet night is one', least, 5, SUNDAY_NIGHT, 'fail'],
    ['what is much at night is nothing in the morning', least, 36, MONDAY_MORNING, 'fail'],
    ['a Monday morning is no alarm', twice, 290, MONDAY_MORNING, 'pass'],
    ['nor does it cover what comes at night', twice, 210, SUNDAY_NIGHT, 'fail'],
  ] as const)('%s [CV-12] [QA-2]', (_what, asked, value, at, verdict) => {
    expect(verdictOf(look(asked, value, at)).verdict).toBe(verdict);
  });

  it('says what is usual at this hour, and what follows, whether it keeps or breaks [QA-2] [CO-13]', () => {
    const line = 'latency 290 ms against 150 ms usual on Mondays 09:00 UTC; limit 2x = 300 ms';
    const keeping = look(twice, 290, MONDAY_MORNING);
    expect(explainWatch(keeping).lines).toContain(line);
    expect(verdictOf(keeping).rules[0]?.usual).toEqual({ value: 150, when: 'Mondays 09:00 UTC', text: line });
    expect(verdictOf(look(twice, 310, MONDAY_MORNING)).text).toBe(
      'latency 310 ms breaks latency > 2x baseline (300 ms; 150 ms is usual on Mondays 09:00 UTC), by 1000 requests',
    );
  });

  it('knows an hour by itself and by the hours next to it', () => {
    expect(usualAt(latency, MONDAY + 8 * HOUR)).toEqual({ value: 125, when: 'Mondays 08:00 UTC' });
  });
});

describe('a baseline without hours', () => {
  it.each([
    ['of an older version, a number', 120],
    ['that was recorded over a day', { ...common, value: 120, unit: 'ms' }],
    [
      'whose hours were lost',
      { ...latency, value: 120, shape: { kind: 'hour-of-week', hours: [], covered: 0, weeks: 0 } },
    ],
  ] as const)('%s, is the same at every hour [CV-12]', (_what, recorded) => {
    const baseline = { latency: recorded };
    expect(plainValue(recorded)).toBe(120);
    for (const at of [MONDAY_MORNING, SUNDAY_NIGHT]) {
      expect(usualAt(recorded, at)).toEqual({ value: 120, when: null });
      expect(verdictOf(look(twice, 241, at, baseline))).toMatchObject({
        verdict: 'fail',
        text: 'latency 241 ms breaks latency > 2x baseline (240 ms), by 1000 requests',
      });
      expect(verdictOf(look(twice, 240, at, baseline)).verdict).toBe('pass');
    }
    expect(explainWatch(look(twice, 240, MONDAY, baseline)).lines).toContain(
      'latency 240 ms against 120 ms recorded as baseline; limit 2x = 240 ms',
    );
  });

  it.each([undefined, Number.NaN, { ...latency, value: Number.POSITIVE_INFINITY }])(
    'is nothing to compare with: %s',
    (recorded) => {
      expect(usualAt(recorded, MONDAY)).toBeNull();
      const baseline = recorded === undefined ? {} : { latency: recorded };
      expect(verdictOf(look(twice, 1, MONDAY, baseline)).verdict).toBe('inconclusive');
    },
  );

  it('may be so much more, and says so', () => {
    const bound = { kind: 'offset', reference: 'baseline', offset: 200 } as const;
    const watch = look({ ...twice, bound, text: 'latency > baseline + 200ms' }, 310, MONDAY, { latency: 120 });
    expect(explainWatch(watch).lines).toContain(
      'latency 310 ms against 120 ms recorded as baseline; limit + 200 = 320 ms',
    );
  });
});
