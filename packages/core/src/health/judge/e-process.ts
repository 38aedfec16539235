import type { ArmPair } from './arm-counts.ts';

/** What an e-process bets on: the candidate's rate is the null's times a factor, each with its share of the stake. */
export interface Alternatives {
  readonly factors: readonly number[];
  /** Sum to 1. */
  readonly weights: readonly number[];
}

/** Beyond this a log-likelihood is certainty, and its exponential no number. */
const CERTAIN = 600;

/**
 * How much the log-likelihood ratio of each alternative against the null grew by what one look saw.
 *
 * Given x = xT + xC events of both arms, the candidate's share of them is q(theta) = w theta / (1 + w theta), where w is
 * the exposure of the candidate for each unit of legacy's and theta the ratio of the rates, whatever the rates
 * themselves did (Lindon and Malek 2022). The ratio of q(g theta0) against q(theta0) is a martingale at
 * theta = theta0, and a supermartingale below it for factors g above 1, above it for factors below 1.
 *
 * @param odds w; where it is zero or no number nothing can be learnt
 */
export function splitGrowth(
  events: ArmPair<number>,
  odds: number,
  nullRatio: number,
  { factors }: Alternatives,
): readonly number[] {
  const { legacy, candidate } = events;
  const base = odds * nullRatio;
  if (!(base > 0) || base === Number.POSITIVE_INFINITY) return factors.map(() => 0);
  const atNull = Math.log1p(base);
  return factors.map((factor) => {
    const drop = atNull - Math.log1p(base * factor);
    return candidate * (Math.log(factor) + drop) + legacy * drop;
  });
}

/**
 * The same for events among trials of one arm against a fixed limit: the alternatives are probabilities of
 * limit times factor, at most 0.95.
 */
export function limitGrowth(
  events: number,
  trials: number,
  limit: number,
  { factors }: Alternatives,
): readonly number[] {
  return factors.map((factor) => {
    const share = Math.min(0.95, limit * factor);
    return events * Math.log(share / limit) + (trials - events) * Math.log((1 - share) / (1 - limit));
  });
}

/** Adds a growth to every start's sums; sums are rounded to a millionth, so that a state read back from JSON is the same. */
export function accumulate(sums: readonly number[], growth: readonly number[], most: number): readonly number[] {
  const width = growth.length;
  return sums.map((sum, at) => Math.round((sum + Math.min(growth[at % width] as number, most)) * 1e6) / 1e6);
}

/**
 * The value of the e-process: the mean over starts and alternatives of the likelihood ratios, each sum divided by the
 * design effect of clustered users. What has not begun yet counts as the 1 it begins with.
 *
 * @param starts the weight of each start, in the order of the sums; they add up to at most 1
 */
export function evidenceOf(
  sums: readonly number[],
  starts: readonly number[],
  { weights }: Alternatives,
  designEffect: number,
): number {
  const width = weights.length;
  let value = 1;
  for (let start = 0; start < starts.length; start += 1) {
    let mean = 0;
    for (let at = 0; at < width; at += 1) {
      const ratio = (sums[start * width + at] as number) / designEffect;
      mean += (weights[at] as number) * Math.exp(Math.min(ratio, CERTAIN));
    }
    value += (starts[start] as number) * (mean - 1);
  }
  return value;
}
