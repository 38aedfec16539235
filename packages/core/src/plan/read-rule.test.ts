import { describe, expect, it } from 'vitest';
import type { Signal, SignalUnit } from './plan.ts';
import { Problems } from './problems.ts';
import { readRule } from './read-rule.ts';

function signal(name: string, unit: SignalUnit, source: Signal['source']): readonly [string, Signal] {
  return [name, { name, unit, source, overMs: 60_000, freshForMs: 90_000 }];
}

const SIGNALS = new Map([
  signal('errors', 'percent', { kind: 'telemetry', metric: 'error-rate' }),
  signal('latency', 'ms', { kind: 'telemetry', metric: 'latency-p95' }),
  signal('throughput', 'per-second', { kind: 'telemetry', metric: 'request-rate' }),
  signal('success', 'percent', { kind: 'telemetry', metric: 'success-rate' }),
  signal('queue', 'count', { kind: 'http', url: 'http://queue.example', pointer: '/depth' }),
]);

function read(condition: string, action = 'hold') {
  const problems = new Problems();
  const rule = readRule(
    problems,
    ['rule'],
    { [condition]: action },
    { readSignals: SIGNALS, points: new Set(['before']) },
  );
  return { rule, problems: problems.all() };
}

const absolute = (value: number) => ({ kind: 'absolute', value });
const worse = (metric: string | null) => ({ kind: 'worse-than-legacy', metric });
const factor = (reference: string, by: number) => ({ kind: 'factor', reference, factor: by });
const offset = (reference: string, by: number) => ({ kind: 'offset', reference, offset: by });

describe('readRule() reads conditions', () => {
  it.each<[string, object]>([
    ['errors > 5%', { signal: 'errors', comparison: '>', bound: absolute(5), forMs: 0 }],
    ['errors>=0.5%', { comparison: '>=', bound: absolute(0.5) }],
    ['latency > 500ms', { bound: absolute(500) }],
    ['latency <= 2s', { comparison: '<=', bound: absolute(2_000) }],
    ['queue < 100', { comparison: '<', bound: absolute(100) }],
    ['throughput < 10/s', { bound: absolute(10) }],
    ['latency > 2x baseline for 2m', { bound: factor('baseline', 2), forMs: 120_000 }],
    ['latency > 2 x baseline', { bound: factor('baseline', 2) }],
    ['latency > 1.5x legacy', { bound: factor('legacy', 1.5) }],
    ['throughput < 90% of baseline', { bound: factor('baseline', 0.9) }],
    ['errors > baseline + 5 points', { bound: offset('baseline', 5) }],
    ['errors > legacy + 1 point', { bound: offset('legacy', 1) }],
    ['errors < legacy - 1 points', { bound: offset('legacy', -1) }],
    ['latency > legacy + 1s', { bound: offset('legacy', 1_000) }],
    ['queue > baseline + 50', { bound: offset('baseline', 50) }],
    ['worse than legacy', { signal: '*', bound: worse(null) }],
    ['errors worse than legacy', { signal: 'errors', comparison: '>', bound: worse('errors') }],
    ['success worse  than legacy', { signal: 'success', comparison: '<', bound: worse('errors') }],
    ['latency worse than legacy', { signal: 'latency', bound: worse('latency') }],
    ['throughput worse than legacy', { signal: 'throughput', comparison: '<', bound: worse('throughput') }],
    ['errors surely > 5%', { signal: 'errors', comparison: '>', bound: { kind: 'surely', value: 5 } }],
    ['success surely < 95%', { signal: 'success', comparison: '<', bound: { kind: 'surely', value: 95 } }],
  ])('%s', (text, condition) => {
    const { rule, problems } = read(text);
    expect(problems).toEqual([]);
    expect(rule?.condition).toMatchObject({ ...condition, text });
  });
});

describe('readRule() refuses conditions', () => {
  it.each<[string, string, string]>([
    ['erors > 5%', 'unknown-signal', "did you mean 'errors'"],
    ['errors > 500ms', 'invalid-bound', 'a bound like 5%'],
    ['errors > 5', 'invalid-bound', 'a bound like 5%'],
    ['errors > 500%', 'invalid-bound', 'never below 0% or above 100%'],
    ['errors >= -5%', 'invalid-bound', 'never below 0% or above 100%'],
    ['latency > 5%', 'invalid-bound', 'a bound like 500ms'],
    ['errors > legacy + 5ms', 'invalid-bound', 'legacy + 5 points'],
    ['latency > baseline + 5 points', 'invalid-bound', 'baseline + 200ms'],
    ['latency > 2x basline', 'invalid-bound', "did you mean 'baseline'"],
    ['queue > 2x legacy', 'invalid-bound', 'do not know arms'],
    ['errors > 5% for 2 mins', 'invalid-duration', "did you mean '2m'"],
    ['queue worse than legacy', 'not-comparable', "'queue > 2x baseline'"],
    ['erors worse than legacy', 'unknown-signal', "did you mean 'errors'"],
    ['errors worse than legacy for 5m', 'invalid-condition', "write 'errors worse than legacy'"],
    ['worse than legacy by 5%', 'invalid-condition', "write 'worse than legacy'"],
    ['queue surely > 5%', 'not-comparable', "'queue > 5%'"],
    ['latency surely > 500ms', 'not-comparable', "'latency worse than legacy'"],
    ['errors surely > 2x baseline', 'invalid-bound', "'errors surely > 5%'"],
    ['errors surely > 100%', 'invalid-bound', 'between 0 and 100'],
    ['errors surely > 5% for 2m', 'invalid-bound', 'nothing after it'],
    ['errors surely < 5%', 'invalid-bound', "'errors surely > 5%'"],
    ['success surely > 95%', 'invalid-bound', "'success surely < 95%'"],
    ['errors are bad', 'invalid-condition', 'errors > 5%'],
    [`errors > ${' '.repeat(600)}5%`, 'invalid-condition', '500'],
  ])('%s', (text, code, mend) => {
    const { rule, problems } = read(text);
    expect(rule).toBeNull();
    expect(problems).toMatchObject([{ code, mend: expect.stringContaining(mend) }]);
  });

  it('says nothing of a signal that was told to be broken', () => {
    const problems = new Problems();
    const names = { readSignals: new Map([['broken', null]]), points: new Set<string>() };
    expect(readRule(problems, ['rule'], { 'broken > 5%': 'hold' }, names)).toBeNull();
    expect(problems.all()).toEqual([]);
  });
});

describe('readRule() reads actions', () => {
  it.each<[string, object]>([
    ['hold', { kind: 'hold' }],
    ['warn', { kind: 'warn' }],
    ['rollback', { kind: 'rollback', scope: 'flag', overMs: 0 }],
    ['rollback now', { kind: 'rollback', scope: 'flag', overMs: 0 }],
    ['rollback over 5m', { kind: 'rollback', scope: 'flag', overMs: 300_000 }],
    ['rollback phase', { kind: 'rollback', scope: 'phase', overMs: 0 }],
    ['rollback to before now', { kind: 'rollback', scope: 'point', point: 'before', overMs: 0 }],
    ['rollback plan over 5m', { kind: 'rollback', scope: 'plan', overMs: 300_000 }],
  ])('%s', (text, action) => expect(read('errors > 5%', text).rule?.action).toEqual(action));

  it('hold until a number is seen [PX-9]', () => {
    expect(read('errors > 5%', 'hold until success >= 98%').rule?.action).toEqual({
      kind: 'hold',
      until: {
        signal: 'success',
        comparison: '>=',
        bound: { kind: 'absolute', value: 98 },
        forMs: 0,
        text: 'success >= 98%',
        unit: 'percent',
      },
    });
  });

  it.each<[string, string, string]>([
    ['hold until succes >= 98%', 'unknown-signal', "did you mean 'success'"],
    ['hold until success >= 98', 'invalid-bound', '5%'],
    ['hold until success >= 98% for 10m', 'invalid-action', "without 'for'"],
    ['hold until errors < 2x legacy', 'invalid-action', 'with a number'],
    ['hold until errors worse than legacy', 'invalid-action', 'with a number'],
    ['hold until well', 'invalid-condition', 'errors > 5%'],
    ['rolback now', 'invalid-action', "did you mean 'rollback'"],
    ['rollback service now', 'invalid-action', 'rollback phase now'],
    ['rollback over 5 mins', 'invalid-action', 'rollback over 5m'],
    ['rollback to befor now', 'unknown-point', "did you mean 'before'"],
    ['rollback over soon', 'invalid-duration', '250ms'],
    ['', 'invalid-action', 'hold'],
  ])('refuses %j', (text, code, mend) => {
    expect(read('errors > 5%', text).problems).toMatchObject([{ code, mend: expect.stringContaining(mend) }]);
  });
});
