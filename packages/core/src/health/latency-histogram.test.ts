import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  bucketBounds,
  isSparseLatency,
  LATENCY_BUCKETS,
  LatencyHistogram,
  latencyBucket,
  latencyDifference,
} from './latency-histogram.ts';

const latencies = fc.double({ min: 0.001, max: 67_000, noNaN: true });
const some = fc.array(latencies, { maxLength: 200 });

function histogramOf(values: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const ms of values) histogram.record(ms);
  return histogram;
}

describe('latencyBucket()', () => {
  test('counts every latency in the bucket whose bounds hold it', () => {
    fc.assert(
      fc.property(latencies, (ms) => {
        const { fromMs, toMs } = bucketBounds(latencyBucket(ms));
        expect(fromMs <= ms && ms < toMs).toBe(true);
      }),
    );
  });

  test('numbers all buckets without a gap, none wider than a 32nd of its start', () => {
    for (let bucket = 0; bucket < LATENCY_BUCKETS; bucket += 1) {
      const { fromMs, toMs } = bucketBounds(bucket);
      expect(toMs).toBe(bucketBounds(bucket + 1).fromMs);
      expect((toMs - fromMs) / fromMs).toBeLessThanOrEqual(1 / 32);
      expect(latencyBucket(fromMs)).toBe(bucket);
    }
  });

  test('covers 1 µs to 67 s', () => {
    expect(bucketBounds(0).fromMs).toBeLessThan(0.001);
    expect(bucketBounds(LATENCY_BUCKETS - 1).toMs).toBeGreaterThan(67_000);
  });

  test.each([
    [0, 0],
    [-5, 0],
    [-0, 0],
    [Number.NaN, 0],
    [Number.NEGATIVE_INFINITY, 0],
    [Number.MIN_VALUE, 0],
    [1e9, LATENCY_BUCKETS - 1],
    [Number.POSITIVE_INFINITY, LATENCY_BUCKETS - 1],
  ])('puts %d ms, which is out of range, into bucket %i', (ms, bucket) => {
    expect(latencyBucket(ms)).toBe(bucket);
  });
});

describe('LatencyHistogram', () => {
  test('reads every quantile back within 1.6 %', () => {
    fc.assert(
      fc.property(
        fc.array(latencies, { minLength: 1, maxLength: 200 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (values, q) => {
          const ascending = values.toSorted((left, right) => left - right);
          const truth = ascending[Math.max(1, Math.ceil(q * ascending.length)) - 1] as number;
          const read = histogramOf(values).quantile(q) as number;
          expect(Math.abs(read - truth) / truth).toBeLessThanOrEqual(0.016);
        },
      ),
    );
  });

  test('merges exactly, in any order', () => {
    fc.assert(
      fc.property(some, some, (left, right) => {
        const all = histogramOf([...left, ...right]);
        const merged = histogramOf(right);
        merged.merge(histogramOf(left).toSparse());
        expect(merged.toSparse()).toEqual(all.toSparse());
        expect(merged.total).toBe(left.length + right.length);
      }),
    );
  });

  test('survives the wire', () => {
    fc.assert(
      fc.property(some, (values) => {
        const sparse = histogramOf(values).toSparse();
        expect(isSparseLatency(sparse)).toBe(true);
        expect(LatencyHistogram.fromSparse(JSON.parse(JSON.stringify(sparse))).toSparse()).toEqual(sparse);
      }),
    );
  });

  test('has no quantile while it is empty', () => {
    expect(new LatencyHistogram().quantile(0.5)).toBeUndefined();
    expect(new LatencyHistogram().toSparse()).toEqual([]);
  });

  test.each([
    [[1]],
    [[1, 0]],
    [[1, -1]],
    [[1, 1.5]],
    [[-1, 1]],
    [[LATENCY_BUCKETS, 1]],
    [[5, 1, 5, 1]],
    [[5, 1, 4, 1]],
    [[Number.NaN, 1]],
  ])('refuses %j, which is no histogram, and keeps what it has', (sparse) => {
    const histogram = histogramOf([1]);
    expect(() => histogram.merge(sparse)).toThrow(expect.objectContaining({ code: 'invalid-argument' }));
    expect(histogram.total).toBe(1);
  });
});

describe('latencyDifference()', () => {
  test('is exactly what was recorded in between', () => {
    fc.assert(
      fc.property(some, some, (before, after) => {
        const histogram = histogramOf(before);
        const earlier = histogram.toSparse();
        for (const ms of after) histogram.record(ms);
        expect(latencyDifference(histogram.toSparse(), earlier)).toEqual(histogramOf(after).toSparse());
      }),
    );
  });

  test('is undefined when counts went back', () => {
    expect(latencyDifference([5, 1], [5, 2])).toBeUndefined();
    expect(latencyDifference([], [5, 2])).toBeUndefined();
  });
});
