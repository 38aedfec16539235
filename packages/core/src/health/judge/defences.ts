import type { ArmPair } from './arm-counts.ts';
import type { DesignEffects } from './design-effects.ts';
import { type Alternatives, accumulate, evidenceOf, splitGrowth } from './e-process.ts';
import type { Exposure, Growth } from './growth.ts';
import type { Defences, JudgedMetric, JudgeState } from './judge-state.ts';
import type { Margin } from './profile.ts';

/** Against harm: the candidate's rate is so many times legacy's, that is, no worse, better, or a little worse. */
const NO_WORSE: Alternatives = { factors: [1, 0.6, 1.25], weights: [0.6, 0.2, 0.2] };
/** Against harm by latency: so many times as many requests are beyond the harmful mark as legacy has beyond its own. */
const NOT_SLOWER: Alternatives = { factors: [0.75, 0.5, 0.3, 0.12], weights: [0.25, 0.25, 0.25, 0.25] };

type Sums = readonly number[];

export interface Defending {
  /** The ratio of error rates from which on it is harm. */
  readonly errorRatio: number;
  /** The world is ill: errors that strike both arms alike would drown what the candidate adds. */
  readonly isTrouble: boolean;
  readonly effects: DesignEffects;
}

/** The defences with what one look said added to each: every null is harm of exactly the size that a pass excludes. */
export function defend(
  sums: Defences<Sums>,
  growth: Growth,
  exposure: Exposure,
  { throughputRatio }: Margin,
  { errorRatio, isTrouble, effects }: Defending,
): Defences<Sums> {
  const { legacy, candidate } = growth.latency;
  const body = { legacy: legacy.body, candidate: candidate.bodyHarmful };
  const tail = { legacy: legacy.tail, candidate: candidate.tailHarmful };
  const errors = (before: Sums, events: ArmPair<number>, odds: number, effect: number): Sums =>
    isTrouble ? before : add(before, events, { odds, ratio: errorRatio, effect }, NO_WORSE);
  const slower = (before: Sums, events: ArmPair<number>, effect: number): Sums =>
    add(before, events, { odds: exposure.timed, ratio: 1, effect }, NOT_SLOWER);
  const fewer = (before: Sums, events: ArmPair<number>, odds: number, effect: number): Sums =>
    add(before, events, { odds, ratio: throughputRatio, effect }, NO_WORSE);
  return {
    requests: errors(sums.requests, growth.errors, exposure.requests, effects.errors),
    users: errors(sums.users, growth.failed, exposure.users, 1),
    body: slower(sums.body, body, effects.body),
    tail: slower(sums.tail, tail, effects.tail),
    throughput: fewer(sums.throughput, growth.requests, exposure.throughput, effects.requests),
    arrivals: fewer(sums.arrivals, growth.seen, exposure.arrivals, 1),
  };
}

/** Evidence far beyond what is required would only delay that harm which comes late shows. */
const LIMITS = { perLook: Number.POSITIVE_INFINITY, most: 12 };

interface Against {
  readonly odds: number;
  /** The null; the alternatives are ratios too, not factors of the null. */
  readonly ratio: number;
  readonly effect: number;
}

function add(
  before: Sums,
  events: ArmPair<number>,
  { odds, ratio, effect }: Against,
  { factors, weights }: Alternatives,
): Sums {
  const from = before.length === 0 ? factors.map(() => 0) : before;
  const alternatives = { factors: factors.map((factor) => factor / ratio), weights };
  return accumulate(from, splitGrowth(events, odds, ratio, alternatives), LIMITS, effect);
}

/** The evidence that harm is excluded, metric by metric: no correction over metrics, since each must be. */
export function defenceOf({ defences }: JudgeState, effects: DesignEffects): Readonly<Record<JudgedMetric, number>> {
  const against = (sums: Sums, effect: number, to: Alternatives): number =>
    sums.length === 0 ? 1 : evidenceOf(sums, [1], to, effect);
  return {
    errors:
      0.5 * against(defences.requests, effects.errors, NO_WORSE) +
      0.5 * against(defences.users, effects.users, NO_WORSE),
    latency: Math.min(
      against(defences.body, effects.body, NOT_SLOWER),
      against(defences.tail, effects.tail, NOT_SLOWER),
    ),
    throughput:
      0.5 * against(defences.throughput, effects.requests, NO_WORSE) + 0.5 * against(defences.arrivals, 1, NO_WORSE),
  };
}
