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

/** How much the candidate's share of the events jumps from look to look. */
export interface Scatter {
  readonly pairs: number;
  /** Of the squared jumps, in units of what chance alone would make of them. */
  readonly sum: number;
  /** What the last look saw: x of the candidate among d of both; null where the next look has nothing to be compared with. */
  readonly last: Split | null;
  /** What all looks at this exposure saw. */
  readonly all: Split;
}

interface Split {
  readonly x: number;
  readonly d: number;
}

const NO_SPLIT: Split = { x: 0, d: 0 };

export const NO_SCATTER: Scatter = { pairs: 0, sum: 0, last: null, all: NO_SPLIT };

/** The scatter as it was, where the exposure changes or looks are missing: what comes is compared with nothing before. */
export function afterBreak(scatter: Scatter): Scatter {
  return { ...scatter, last: null, all: NO_SPLIT };
}

/** So many pairs of looks weighs the belief that looks scatter no more than users do. */
const PRIOR_PAIRS = 60;
/** A jump of more than so many times what is usual is a change, not scatter. */
const MOST_TIMES = 16;

/**
 * Adds the jump from the last look to this one, (x1/d1 - x2/d2)^2 / (q (1 - q) (1/d1 + 1/d2)) with q the share of all
 * looks together. Jumps, not distances from one mean: a candidate that turns bad makes one large jump, which counts as
 * no more than sixteen usual ones, and an instance that flaps makes many.
 */
export function addJump(scatter: Scatter, { legacy, candidate }: ArmPair<number>, usual: number): Scatter {
  const d = legacy + candidate;
  if (!(d > 0)) return scatter;
  const { last, pairs, sum } = scatter;
  const now = { x: candidate, d };
  const all = { x: scatter.all.x + now.x, d: scatter.all.d + now.d };
  const q = all.x / all.d;
  if (last === null || q === 0 || q === 1) return { pairs, sum, last: now, all };
  const jump = (last.x / last.d - now.x / now.d) ** 2 / (q * (1 - q) * (1 / last.d + 1 / now.d));
  const most = MOST_TIMES * withScatter(usual, scatter);
  return { pairs: pairs + 1, sum: sum + Math.min(jump, most), last: now, all };
}

/** Raises a design effect to the scatter of the looks: what hits many users of one arm at once shows in no sum over users. */
export function withScatter(designEffect: number, { pairs, sum }: Scatter): number {
  return Math.max(designEffect, (PRIOR_PAIRS * designEffect + sum) / (PRIOR_PAIRS + pairs));
}
