import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { counterSums } from './counter-sums.ts';
import type { Series } from './prometheus-client.ts';

const MOMENTS = [0, 30_000, 60_000, 90_000];

/** A series by its values at the moments; null where it was not there. */
function series(...values: readonly (number | null)[]): Series {
  const samples = values.flatMap((value, index) => (value === null ? [] : [{ at: MOMENTS[index] ?? 0, value }]));
  return { labels: {}, samples };
}

describe('counterSums()', () => {
  it.each([
    ['counts from the first moment on', [series(100, 110, 110, 125)], [0, 10, 10, 25]],
    ['adds counters up', [series(0, 1, 2, 3), series(10, 20, 30, 40)], [0, 11, 22, 33]],
    ['counts a restart from zero', [series(100, 110, 4, 9)], [0, 10, 14, 19]],
    ['counts one that begins later from zero', [series(0, 1, 1, 1), series(null, null, 7, 9)], [0, 1, 8, 10]],
    ['bridges a gap of one counter', [series(0, null, 20, 30), series(0, 1, 2, 3)], [0, 1, 22, 33]],
    ['knows nothing where no counter was there', [series(null, null, 5, null)], [null, null, 5, null]],
    ['passes over what is no number', [series(0, Number.NaN, 2, 3)], [0, null, 2, 3]],
    ['has nothing of nothing', [], [null, null, null, null]],
  ])('%s', (_what, given, sums) => {
    expect(counterSums(given, MOMENTS)).toEqual(sums);
  });

  it('finds what was counted, wherever counters began anew', () => {
    const growths = fc.array(fc.nat({ max: 50 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(growths, fc.array(fc.boolean(), { minLength: 30, maxLength: 30 }), (grown, restarts) => {
        let value = 1_000;
        const samples = [{ at: 0, value }];
        // A restart shows only where the counter does not grow past what it was.
        const counted = grown.map((growth, index) => {
          const isRestart = restarts[index] === true && growth < value;
          value = isRestart ? growth : value + growth;
          samples.push({ at: (index + 1) * 1_000, value });
          return growth;
        });
        const moments = samples.map(({ at }) => at);
        expect(counterSums([{ labels: {}, samples }], moments).at(-1)).toBe(
          counted.reduce((sum, each) => sum + each, 0),
        );
      }),
    );
  });
});
