import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSparseLatency, LATENCY_BUCKETS, LatencyHistogram } from './latency-histogram.ts';
import { packLatency, unpackLatency } from './latency-wire.ts';

describe('latencies as they are sent', () => {
  it('come to the same counts when they are read, whatever was recorded', () => {
    const latencies = fc.array(fc.double({ min: 0, max: 200_000, noNaN: true }), { maxLength: 300 });
    fc.assert(
      fc.property(latencies, (all) => {
        const histogram = new LatencyHistogram();
        for (const ms of all) histogram.record(ms);
        const sparse = histogram.toSparse();
        expect(unpackLatency(packLatency(sparse))).toEqual(sparse);
      }),
    );
  });

  it('mark each run of buckets once', () => {
    expect(packLatency([312, 4, 313, 9, 315, 1, 400, 2])).toEqual([-313, 4, 9, 0, 1, -401, 2]);
    expect(packLatency([0, 1])).toEqual([-1, 1]);
    expect(packLatency([])).toEqual([]);
  });

  it('may still be buckets and counts in turn, as older SDKs send them', () => {
    expect(unpackLatency([0, 1, 5, 2])).toEqual([0, 1, 5, 2]);
  });

  it('are told from latencies, once read, by their buckets', () => {
    expect(isSparseLatency(unpackLatency([-5, 1, -2, 1]))).toBe(false);
    expect(isSparseLatency(unpackLatency([-LATENCY_BUCKETS, 1, 1]))).toBe(false);
  });
});
