import { compareVariants } from '@theseus/core/health';
import { describe, expect, it } from 'vitest';
import type { MetricRequest, MetricSource } from '../ports/metric-source.ts';
import type { ReadingRequest } from '../ports/reading-request.ts';
import { readGoal } from './goal-source.ts';

const NOW = 1_000_000;
const SOURCE = { kind: 'goal', goal: 'replied', measure: 'rate', better: 'higher' } as const;
const signal = { name: 'response-rate', source: SOURCE, unit: 'percent', overMs: 60_000, freshForMs: 60_000 } as const;

const request = (flag: string | null = 'reply'): ReadingRequest => ({
  runId: 'run-1',
  environment: 'default',
  signal,
  flag,
  since: 0,
  now: NOW,
});

function source(conversions: readonly number[], heardAt: number | null = NOW - 5_000): Pick<MetricSource, 'compare'> {
  const variants = ['legacy', 'short', 'long'].map((variant, at) => {
    const reached = conversions[at] ?? 0;
    const users = conversions.length === 0 ? 0 : 1_000;
    return { variant, users, conversions: reached, value: 0, squares: 0, expected: 1 / 3 };
  });
  return {
    compare: async ({ flag, metrics }: MetricRequest) => ({
      comparisons: metrics.map((metric) => compareVariants({ flag, metric, variants })),
      heardAt,
    }),
  };
}

describe('readGoal()', () => {
  it('reads the variant that stands worst beside legacy, with the whole comparison [CO-7]', async () => {
    const reading = await readGoal(source([300, 400, 250]), request(), SOURCE);
    expect(reading).toMatchObject({ status: 'ok', value: 25, legacy: 30, sample: 1_000, ageMs: 5_000 });
    expect(reading.metric?.comparisons.map(({ variant }) => variant)).toEqual(['short', 'long']);
    const fewer = { ...SOURCE, better: 'lower' } as const;
    expect((await readGoal(source([300, 400, 250]), request(), fewer)).value).toBe(40);
  });

  it('has no value where nobody was exposed, and none that is older than the signal allows', async () => {
    expect(await readGoal(source([]), request(), SOURCE)).toMatchObject({
      status: 'no-data',
      value: null,
      problem: 'nobody was exposed yet',
      metric: { problem: 'nobody was exposed yet' },
    });
    expect(await readGoal(source([1, 1, 1], NOW - 61_000), request(), SOURCE)).toMatchObject({
      status: 'stale',
      ageMs: 61_000,
    });
    expect((await readGoal(source([1, 1, 1], null), request(), SOURCE)).problem).toMatch(/no SDK has reported/);
  });

  it('says so where it belongs to no flag, or where goals are not read', async () => {
    expect((await readGoal(source([1, 1, 1]), request(null), SOURCE)).status).toBe('no-data');
    expect((await readGoal(undefined, request(), SOURCE)).status).toBe('error');
  });
});
