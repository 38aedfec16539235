import type { LatencyMarks } from '../../flag/index.ts';
import { bucketBounds, LATENCY_BUCKETS, latencyBucket, latencyQuantile } from '../latency-histogram.ts';
import { type LatencyCounts, NO_LATENCY } from './arm-counts.ts';
import type { JudgeProfile } from './profile.ts';

/** By how much each mark is moved up: 1 leaves it where it is. */
export interface LatencyFactors {
  readonly bodyTolerated: number;
  readonly bodyHarmful: number;
  readonly tailTolerated: number;
  readonly tailHarmful: number;
}

/** What a judge of this profile wants counted. */
export function latencyFactors({ tolerated, harmful }: Pick<JudgeProfile, 'tolerated' | 'harmful'>): LatencyFactors {
  return {
    bodyTolerated: tolerated.bodyFactor,
    bodyHarmful: harmful.bodyFactor,
    tailTolerated: tolerated.tailFactor,
    tailHarmful: harmful.tailFactor,
  };
}

const BODY_QUANTILE = 0.75;
const TAIL_QUANTILE = 0.99;
/** With fewer timed requests a 99th percentile is a matter of ten of them. */
export const TIMED_FOR_MARKS = 1_000;

/** The marks of a histogram in sparse form; null while too few requests were timed. */
export function latencyMarks(sparse: readonly number[]): LatencyMarks | null {
  const total = countFrom(sparse, 0);
  if (total < TIMED_FOR_MARKS) return null;
  return { bodyMs: edgeAt(sparse, BODY_QUANTILE, total), tailMs: edgeAt(sparse, TAIL_QUANTILE, total) };
}

/** The edge of the quantile's bucket that leaves nearer the right share above it. */
function edgeAt(sparse: readonly number[], quantile: number, total: number): number {
  const bucket = latencyBucket(latencyQuantile(sparse, quantile) ?? 0);
  const missed = (edge: number): number => Math.abs(countFrom(sparse, edge) / total - (1 - quantile));
  const { fromMs, toMs } = bucketBounds(bucket);
  const isLast = bucket === LATENCY_BUCKETS - 1;
  return isLast || missed(bucket) <= missed(bucket + 1) ? fromMs : toMs;
}

/**
 * How many requests of a histogram in sparse form were at or above each mark, as it is and moved up. A mark that falls
 * within a bucket counts from the next edge on, so that a tolerated latency is never counted as more than tolerated.
 *
 * @example latencyCounts([320, 5, 352, 2], { bodyMs: 1, tailMs: 2 }, factors).body // 7
 */
export function latencyCounts(
  sparse: readonly number[],
  marks: LatencyMarks | null,
  factors: LatencyFactors,
): LatencyCounts {
  if (marks === null) return { ...NO_LATENCY, timed: countFrom(sparse, 0) };
  const above = (ms: number): number => countFrom(sparse, firstEdge(ms));
  return {
    timed: countFrom(sparse, 0),
    body: above(marks.bodyMs),
    bodyTolerated: above(marks.bodyMs * factors.bodyTolerated),
    bodyHarmful: above(marks.bodyMs * factors.bodyHarmful),
    tail: above(marks.tailMs),
    tailTolerated: above(marks.tailMs * factors.tailTolerated),
    tailHarmful: above(marks.tailMs * factors.tailHarmful),
  };
}

/** The first bucket that holds nothing below so many milliseconds; one after the last where every bucket does. */
function firstEdge(ms: number): number {
  const bucket = latencyBucket(ms);
  return bucketBounds(bucket).fromMs >= ms ? bucket : bucket + 1;
}

function countFrom(sparse: readonly number[], firstBucket: number): number {
  let count = 0;
  for (let at = 0; at < sparse.length; at += 2) {
    if ((sparse[at] as number) >= firstBucket) count += sparse[at + 1] as number;
  }
  return count;
}
