import type { ArmPair, UserSums } from './arm-counts.ts';

/** What is believed of a design effect before anything was seen, and how many events that belief weighs. */
export interface DesignEffectPrior {
  readonly value: number;
  readonly weight: number;
  /** Never less than this. */
  readonly floor: number;
}

export const ERRORS_PRIOR: DesignEffectPrior = { value: 2.5, weight: 20, floor: 1 };
export const BODY_PRIOR: DesignEffectPrior = { value: 3, weight: 50, floor: 0.75 };
export const TAIL_PRIOR: DesignEffectPrior = { value: 1.5, weight: 20, floor: 1 };
export const REQUESTS_PRIOR: DesignEffectPrior = { value: 10, weight: 50, floor: 1 };

/** What is needed of one kind of event: its sum, the sum of its squares, and of its products with requests. */
export interface EventSums {
  readonly requests: number;
  readonly requestSquares: number;
  readonly events: number;
  readonly squares: number;
  readonly products: number;
}

export function errorSums({ n, nn, e, ee, ne }: UserSums): EventSums {
  return { requests: n, requestSquares: nn, events: e, squares: ee, products: ne };
}

export function bodySums({ n, nn, s, ss, ns }: UserSums): EventSums {
  return { requests: n, requestSquares: nn, events: s, squares: ss, products: ns };
}

export function tailSums({ n, nn, t, tt, nt }: UserSums): EventSums {
  return { requests: n, requestSquares: nn, events: t, squares: tt, products: nt };
}

/**
 * By how much the variance of an event count is larger than if every request were another user's:
 * D = (m0 D0 + sum over arms of (S_EE - 2 p S_EN + p^2 S_NN)) / (m0 + events), with p the arm's rate of events.
 */
export function designEffect(
  legacy: EventSums,
  candidate: EventSums,
  { value, weight, floor }: DesignEffectPrior,
): number {
  const variance = value * weight + scatterOf(legacy) + scatterOf(candidate);
  return Math.max(floor, variance / (weight + legacy.events + candidate.events));
}

function scatterOf({ requests, requestSquares, events, squares, products }: EventSums): number {
  if (requests === 0) return 0;
  const rate = events / requests;
  return squares - 2 * rate * products + rate * rate * requestSquares;
}

/** The same for the requests themselves: D = S_NN / S_N. */
export function requestsDesignEffect(legacy: UserSums, candidate: UserSums): number {
  const { value, weight, floor } = REQUESTS_PRIOR;
  return Math.max(floor, (value * weight + legacy.nn + candidate.nn) / (weight + legacy.n + candidate.n));
}

/** Sums over looks of how the events of a look were split: x of the candidate among d of both. */
export interface SplitSums {
  readonly looks: number;
  readonly x: number;
  readonly d: number;
  readonly xx: number;
  readonly xd: number;
  readonly dd: number;
}

export const NO_SPLITS: SplitSums = { looks: 0, x: 0, d: 0, xx: 0, xd: 0, dd: 0 };

/** So many looks weighs the belief that looks scatter no more than users do. */
const PRIOR_LOOKS = 20;

export function addSplit(sums: SplitSums, { legacy, candidate }: ArmPair<number>): SplitSums {
  const d = legacy + candidate;
  if (!(d > 0)) return sums;
  return {
    looks: sums.looks + 1,
    x: sums.x + candidate,
    d: sums.d + d,
    xx: sums.xx + candidate * candidate,
    xd: sums.xd + candidate * d,
    dd: sums.dd + d * d,
  };
}

/**
 * Raises a design effect to the Pearson dispersion of the splits, phi = sum (x - q d)^2 / (q (1 - q) sum d): an instance
 * that flaps hits many users of one arm at once, which no sum over users shows.
 */
export function withDispersion(designEffect: number, { looks, x, d, xx, xd, dd }: SplitSums): number {
  if (looks < 2 || x === 0 || x === d) return designEffect;
  const q = x / d;
  const phi = ((xx - 2 * q * xd + q * q * dd) / (q * (1 - q) * d)) * (looks / (looks - 1));
  return Math.max(designEffect, (PRIOR_LOOKS * designEffect + looks * phi) / (PRIOR_LOOKS + looks));
}
