import { TheseusError } from '@theseus/core/error';

/** How often the interval of one side may miss its median: two sides then miss together in at most 5 %. */
const MISS_MOST = 0.025;
/** The normal quantile of that, two-sided, where exact sums would underflow. */
const MISS_Z = 2.2414;
const EXACT_MOST = 1_000;

export interface PerformanceRatio {
  /** Median after / median before: 1.1 is a tenth slower. */
  readonly ratio: number;
  /** Bounds of the ratio with at least 95 % confidence; 0 and Infinity where there are too few timings to tell. */
  readonly lowest: number;
  readonly highest: number;
  /** `within` or `beyond` only where the whole interval is; else `cannot-tell`. */
  readonly verdict: 'beyond' | 'cannot-tell' | 'within';
}

export interface PerformanceOptions {
  /** The highest ratio that is still good; 1.2 (a fifth slower) unless given. */
  readonly most?: number;
}

/**
 * How much slower a subject's page or call has become, by medians, which one slow call does not move. The interval comes from order
 * statistics of each side (how many of n timings lie below the median is binomial), each at 97.5 %, so that both hold together in 95 %
 * whatever the distribution of timings is. It takes at least seven timings a side: with fewer the answer is `cannot-tell`.
 *
 * @param before milliseconds of single calls, at least one, each above 0
 * @throws TheseusError `invalid-argument` for no timings, or for one that is no positive number
 */
export function performanceWithin(
  before: readonly number[],
  after: readonly number[],
  { most = 1.2 }: PerformanceOptions = {},
): PerformanceRatio {
  const [one, other] = [medianOf(before, 'before'), medianOf(after, 'after')];
  const lowest = other.lowest / one.highest;
  const highest = other.highest / one.lowest;
  return { ratio: other.median / one.median, lowest, highest, verdict: verdictOf(lowest, highest, most) };
}

function verdictOf(lowest: number, highest: number, most: number): PerformanceRatio['verdict'] {
  if (highest <= most) return 'within';
  return lowest > most ? 'beyond' : 'cannot-tell';
}

interface Median {
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
}

function medianOf(timings: readonly number[], side: string): Median {
  const bad = timings.find((one) => !(one > 0 && Number.isFinite(one)));
  if (timings.length === 0 || bad !== undefined) {
    const found = bad === undefined ? 'none is given' : `${bad} is none`;
    throw new TheseusError('invalid-argument', `Cannot compare timings ${side}: ${found}; give milliseconds above 0`);
  }
  const sorted = timings.toSorted((one, other) => one - other);
  const { length } = sorted;
  const at = (place: number) => sorted[place] ?? Number.NaN;
  const median = (at(Math.floor((length - 1) / 2)) + at(Math.ceil((length - 1) / 2))) / 2;
  const rank = lowRankOf(length);
  return rank < 0
    ? { median, lowest: 0, highest: Infinity }
    : { median, lowest: at(rank), highest: at(length - 1 - rank) };
}

/** The largest number of timings to leave out on each side; -1 where even the extremes miss too often. */
function lowRankOf(length: number): number {
  if (length > EXACT_MOST) return Math.floor(length / 2 - (MISS_Z * Math.sqrt(length)) / 2 - 1);
  let [rank, chance, below] = [-1, 2 ** -length, 2 ** -length];
  while (2 * below <= MISS_MOST) {
    rank += 1;
    chance *= (length - rank) / (rank + 1);
    below += chance;
  }
  return rank;
}
