import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LatencyHistogram } from '../latency-histogram.ts';
import { latencyCounts, latencyMarks, TIMED_FOR_MARKS } from './latency-counts.ts';

const FACTORS = { bodyTolerated: 2 ** (1 / 8), bodyHarmful: 1.5, tailTolerated: 1.2, tailHarmful: 2 };

function histogram(latencies: readonly number[]): number[] {
  const counted = new LatencyHistogram();
  for (const ms of latencies) counted.record(ms);
  return counted.toSparse();
}

const ramp = Array.from({ length: 10_000 }, (_, index) => 20 + index / 100);

describe('latencyMarks()', () => {
  it('leaves a quarter at or above the body and one in a hundred at or above the tail', () => {
    const marks = latencyMarks(histogram(ramp));
    expect(marks?.bodyMs).toBeCloseTo(95, -1);
    expect(marks?.tailMs).toBeCloseTo(119, -1);
  });

  it('says nothing of too few requests', () => {
    expect(latencyMarks(histogram(ramp.slice(0, TIMED_FOR_MARKS - 1)))).toBeNull();
    expect(latencyMarks([])).toBeNull();
  });

  it('stands above what nearly all requests take alike', () => {
    const marks = latencyMarks(histogram([...new Array(9_990).fill(10), ...new Array(10).fill(500)]));
    expect(marks?.bodyMs).toBeGreaterThan(10);
    expect(marks?.bodyMs).toBeLessThan(11);
  });

  it.each([[0], [-1], [Number.NaN], [1e9]])('has marks for requests that all take %d ms', (ms) => {
    const marks = latencyMarks(histogram(new Array(2_000).fill(ms)));
    expect(Number.isFinite(marks?.bodyMs) && Number.isFinite(marks?.tailMs)).toBe(true);
  });
});

describe('latencyCounts()', () => {
  it('counts what is at or above each mark, as single latencies would be counted', () => {
    const latency = fc.double({ min: 0.01, max: 10_000, noNaN: true });
    fc.assert(
      fc.property(fc.array(latency, { maxLength: 200 }), (latencies) => {
        const marks = latencyMarks(histogram(ramp)) ?? { bodyMs: 0, tailMs: 0 };
        const counts = latencyCounts(histogram(latencies), marks, FACTORS);
        expect(counts.timed).toBe(latencies.length);
        expect(counts.body).toBe(latencies.filter((ms) => ms >= marks.bodyMs).length);
        expect(counts.tail).toBe(latencies.filter((ms) => ms >= marks.tailMs).length);
        // A moved mark need not be an edge: it counts from the next one on, at most a thirty-second of an octave higher.
        const moved = marks.bodyMs * FACTORS.bodyTolerated;
        expect(counts.bodyTolerated).toBeLessThanOrEqual(latencies.filter((ms) => ms >= moved).length);
        expect(counts.bodyTolerated).toBeGreaterThanOrEqual(latencies.filter((ms) => ms >= moved * 1.04).length);
        expect(counts.body).toBeGreaterThanOrEqual(counts.bodyTolerated);
        expect(counts.bodyTolerated).toBeGreaterThanOrEqual(counts.bodyHarmful);
        expect(counts.tail).toBeGreaterThanOrEqual(counts.tailTolerated);
        expect(counts.tailTolerated).toBeGreaterThanOrEqual(counts.tailHarmful);
      }),
    );
  });

  it('counts only what was timed while there are no marks', () => {
    expect(latencyCounts(histogram([1, 2, 3]), null, FACTORS)).toMatchObject({ timed: 3, body: 0, tail: 0 });
  });

  it('finds nothing above a mark beyond all buckets', () => {
    const counts = latencyCounts(histogram([1e6]), { bodyMs: 200_000, tailMs: 1e9 }, FACTORS);
    expect(counts).toMatchObject({ timed: 1, body: 0, tailHarmful: 0 });
  });
});
