import type { ArmPair } from './arm-counts.ts';

/** What an e-process bets on: the candidate's rate is the null's times a factor, each with its share of the stake. */
export interface Alternatives {
  readonly factors: readonly number[];
  /** Sum to 1. */
  readonly weights: readonly number[];
}

/** Beyond this a log-likelihood is certainty, and its exponential no number. */
const CERTAIN = 600;
/** Below this the exponential adds less than a millionth. */
const NEGLIGIBLE = -14;

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
  const growth = new Array<number>(factors.length);
  for (let at = 0; at < factors.length; at += 1) {
    const factor = factors[at] as number;
    const drop = atNull - Math.log1p(base * factor);
    growth[at] = candidate * (Math.log(factor) + drop) + legacy * drop;
  }
  return growth;
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

/** Sums are kept in whole millionths, so that a state read back from JSON is exactly the same. */
const MILLION = 1e6;

/** What a sum of log-likelihood ratios may do, all before clustering: multiplied by the design effect. */
export interface SumLimits {
  /** The most that one look may add. */
  readonly perLook: number;
  /** It grows no further: what is certain need not become more so, and is sooner forgotten when things change. */
  readonly most: number;
}

/** No sum falls below this, before clustering. */
const LEAST = -20;

/**
 * Adds a growth to the sums of every start.
 *
 * A sum that would fall below e^-20 is lifted to it: as if a stake of e^-20 were added, so that over a million looks the
 * bound on false alarms grows by 0.2 % of itself, and a clean month never hides a regression for long.
 */
export function accumulate(
  sums: readonly number[],
  growth: readonly number[],
  { perLook, most }: SumLimits,
  designEffect: number,
): readonly number[] {
  const width = growth.length;
  const unit = designEffect * MILLION;
  const floor = Math.round(LEAST * unit);
  const ceiling = Math.round(most * unit);
  const grown = new Array<number>(sums.length);
  for (let at = 0; at < width; at += 1) {
    const added = Math.round(Math.min((growth[at] as number) * MILLION, perLook * unit));
    for (let place = at; place < sums.length; place += width) {
      grown[place] = Math.max(floor, Math.min((sums[place] as number) + added, ceiling));
    }
  }
  return grown;
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
  const scale = 1 / (MILLION * designEffect);
  let value = 1;
  for (let start = 0; start < starts.length; start += 1) {
    let mean = 0;
    for (let at = 0; at < width; at += 1) {
      const ratio = (sums[start * width + at] as number) * scale;
      if (ratio > NEGLIGIBLE) mean += (weights[at] as number) * Math.exp(Math.min(ratio, CERTAIN));
    }
    value += (starts[start] as number) * (mean - 1);
  }
  return value;
}
