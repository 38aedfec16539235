import type { JudgeProfile, LatencyCounts } from '@theseus/core/health';

/** Latencies in the histogram's own unit, at or above which requests are counted. */
export type BucketMarks = Readonly<Record<Exclude<keyof LatencyCounts, 'timed'>, number>>;

/** One bucket of a Prometheus histogram: how many were at most as large as its edge. */
export interface Below {
  readonly edge: number;
  readonly count: number;
}

/** The shares of requests below the marks, as near as edges come. */
const BODY = { about: 0.75, least: 0.4, most: 0.95 };
const TAIL = { about: 0.99, least: 0.95, most: 0.9999 };

/**
 * The edges at which body and tail of legacy stand, and both moved up as the profile says; null where no edge is near
 * enough, or none lies beyond.
 *
 * @param buckets by growing edge, +Inf last
 */
export function bucketMarks(buckets: readonly Below[], { tolerated, harmful }: JudgeProfile): BucketMarks | null {
  if (buckets.at(-1)?.edge !== Number.POSITIVE_INFINITY) return null;
  const timed = buckets.at(-1)?.count ?? 0;
  const edges = buckets.filter(({ edge }) => Number.isFinite(edge) && edge > 0);
  const nearest = ({ about, least, most }: typeof BODY): number | undefined =>
    edges
      .map(({ edge, count }) => ({ edge, share: count / timed }))
      .filter(({ share }) => share >= least && share <= most)
      .sort((left, right) => distance(left.share, about) - distance(right.share, about))[0]?.edge;
  const body = nearest(BODY);
  const tail = nearest(TAIL);
  if (body === undefined || tail === undefined) return null;
  const marks = {
    body,
    bodyTolerated: body * tolerated.bodyFactor,
    bodyHarmful: body * harmful.bodyFactor,
    tail,
    tailTolerated: tail * tolerated.tailFactor,
    tailHarmful: tail * harmful.tailFactor,
  };
  const last = edges.at(-1)?.edge ?? 0;
  return Math.max(marks.bodyHarmful, marks.tailHarmful) <= last ? marks : null;
}

/**
 * How many were above a mark. Between two edges requests are taken to be spread evenly on the scale of the logarithm, so
 * that a candidate that is as fast as legacy has never more above a mark that was moved up than legacy above the mark.
 */
export function countAbove(buckets: readonly Below[], mark: number): number {
  const timed = buckets.at(-1)?.count ?? 0;
  const upper = buckets.findIndex(({ edge }) => edge >= mark * (1 - 1e-9));
  const high = buckets[upper];
  const low = buckets[upper - 1];
  if (high === undefined) return 0;
  const isEdge = high.edge <= mark * (1 + 1e-9);
  if (isEdge || low === undefined) return Math.max(0, timed - (isEdge ? high.count : 0));
  if (!Number.isFinite(high.edge) || low.edge <= 0) return Math.max(0, timed - low.count);
  const way = Math.log(mark / low.edge) / Math.log(high.edge / low.edge);
  return Math.max(0, timed - low.count - way * (high.count - low.count));
}

/** Between shares on the scale of their odds: 0.9 is as far from 0.99 as 0.999 is. */
function distance(left: number, right: number): number {
  return Math.abs(logOdds(left) - logOdds(right));
}

function logOdds(share: number): number {
  return Math.log(share / (1 - share));
}
