import { PROFILES } from '@theseus/core/health';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Below, bucketMarks, countAbove } from './bucket-marks.ts';

const EDGES = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, Number.POSITIVE_INFINITY];

const buckets = (...counts: readonly number[]): readonly Below[] =>
  EDGES.map((edge, index) => ({ edge, count: counts[index] ?? 10_000 }));

const USUAL = buckets(500, 2_500, 5_000, 7_800, 9_500, 9_880, 9_990, 9_999);

describe('bucketMarks()', () => {
  it('stands at the edges nearest to the 75th and the 99th percentile, moved up by what is tolerated and what is harmful', () => {
    const { tolerated, harmful } = PROFILES.balanced;
    expect(bucketMarks(USUAL, PROFILES.balanced)).toEqual({
      body: 0.1,
      bodyTolerated: 0.1 * tolerated.bodyFactor,
      bodyHarmful: 0.1 * harmful.bodyFactor,
      tail: 0.5,
      tailTolerated: 0.5 * tolerated.tailFactor,
      tailHarmful: 1,
    });
  });

  it.each([
    ['everything is faster than the first edge', buckets()],
    ['everything is slower than the last', buckets(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)],
    ['no edge is near the body', buckets(0, 0, 0, 0, 0, 0, 0, 9_900, 9_950, 9_990)],
    [
      'no edge lies beyond',
      [
        ...buckets(500, 2_500, 5_000, 7_800, 9_500, 9_880).slice(0, 6),
        { edge: Number.POSITIVE_INFINITY, count: 10_000 },
      ],
    ],
    ['nothing was timed', buckets(...EDGES.map(() => 0))],
    ['there are no buckets', []],
  ])('is nowhere where %s', (_where, given) => {
    expect(bucketMarks(given, PROFILES.balanced)).toBeNull();
  });
});

describe('countAbove()', () => {
  it.each([
    [0.1, 2_200],
    [0.5, 120],
    [0.005, 10_000],
    [20, 0],
    [Math.sqrt(0.1 * 0.25), 10_000 - (7_800 + 9_500) / 2],
  ])('counts what was above %d', (mark, count) => {
    expect(countAbove(USUAL, mark)).toBeCloseTo(count, 6);
  });

  it('never grows with the mark', () => {
    const marks = fc.double({ min: 0.001, max: 20, noNaN: true });
    fc.assert(
      fc.property(marks, marks, (one, other) => {
        const [low, high] = [Math.min(one, other), Math.max(one, other)];
        expect(countAbove(USUAL, low)).toBeGreaterThanOrEqual(countAbove(USUAL, high));
      }),
    );
  });
});
