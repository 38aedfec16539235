import { describe, expect, test } from 'vitest';
import { performanceWithin } from './performance-within.ts';

/** Draws that are the same each time; a small linear generator is enough to try intervals. */
function drawer(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
}

function timings(count: number, mean: number, draw: () => number): readonly number[] {
  return Array.from({ length: count }, () => -Math.log(draw()) * mean);
}

describe('performanceWithin()', () => {
  test('gives the ratio of medians, which one slow call does not move [PX-2]', () => {
    const before = Array.from({ length: 12 }, () => 10);
    expect(performanceWithin(before, [...before.slice(1).map(() => 11), 900])).toEqual({
      ratio: 1.1,
      lowest: 1.1,
      highest: 1.1,
      verdict: 'within',
    });
    expect(
      performanceWithin(
        before,
        before.map(() => 13),
      ).verdict,
    ).toBe('beyond');
  });

  test.each([1, 3, 6])('cannot tell from %i timings, however alike they are', (count) => {
    const same = Array.from({ length: count }, () => 10);
    expect(performanceWithin(same, same)).toEqual({ ratio: 1, lowest: 0, highest: Infinity, verdict: 'cannot-tell' });
  });

  test('cannot tell while the bound is inside the interval', () => {
    const draw = drawer(1);
    expect(performanceWithin(timings(9, 10, draw), timings(9, 11, draw)).verdict).toBe('cannot-tell');
  });

  test.each([7, 20, 101, 1_500])('holds the true ratio in at least 95 %% of samples of %i', (count) => {
    const draw = drawer(count);
    const runs = 400;
    let held = 0;
    for (let run = 0; run < runs; run += 1) {
      const { lowest, highest } = performanceWithin(timings(count, 10, draw), timings(count, 13, draw));
      if (lowest <= 1.3 && 1.3 <= highest) held += 1;
    }
    expect(held / runs).toBeGreaterThanOrEqual(0.95);
  });

  test.each([
    [[], 'none is given'],
    [[1, 0], '0 is none'],
    [[Number.NaN], 'NaN is none'],
    [[Number.POSITIVE_INFINITY], 'Infinity is none'],
  ])('refuses timings %j', (bad, why) => {
    expect(() => performanceWithin([1], bad)).toThrow(`Cannot compare timings after: ${why}`);
  });
});
