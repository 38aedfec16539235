import type { ArmPair } from './arm-counts.ts';
import type { DesignEffects } from './design-effects.ts';
import { type Alternatives, accumulate, evidenceOf, limitGrowth, splitGrowth } from './e-process.ts';
import { type Exposure, type Growth, quotient } from './growth.ts';
import type { Charges, JudgedMetric, JudgeSetting, JudgeState } from './judge-state.ts';
import { stakesOf, startsDue, startToDrop } from './restarts.ts';

/** More errors, slower tails. Most of the stake is on small effects: large ones overcome a small stake within a look or two. */
const MORE: Alternatives = { factors: [1.6, 2.5, 5, 12, 40], weights: [0.45, 0.3, 0.15, 0.07, 0.03] };
/** A segment is small: only a large effect can be seen in it. */
const MORE_IN_SEGMENT: Alternatives = { factors: MORE.factors, weights: [0.1, 0.2, 0.3, 0.25, 0.15] };
const SLOWER: Alternatives = { factors: [1.15, 1.4, 2, 4], weights: [0.35, 0.35, 0.2, 0.1] };
const FEWER: Alternatives = { factors: [0.8, 0.55, 0.25, 0.05], weights: [0.5, 0.25, 0.15, 0.1] };
const ABOVE_LIMIT: Alternatives = { factors: [1.3, 1.8, 3, 6, 12], weights: [0.2, 0.2, 0.2, 0.2, 0.2] };

/** Nobody is rolled back for a single look: it multiplies the evidence by no more than e to these, before clustering. */
const MOST_PER_LOOK = 1.7;
const MOST_PER_SLOW_LOOK = 2.4;
/** e to this is certainty. */
const CERTAIN = 100;

/** What the evidence as a whole is the weighted mean of. */
const METRIC_WEIGHTS = { errors: 0.52, latency: 0.27, throughput: 0.15, limit: 0.06 } as const;
const ERRORS_MIX = { requests: 0.2, users: 0.55, segments: 0.25 } as const;
const LATENCY_MIX = { body: 0.6, tail: 0.4 } as const;
const THROUGHPUT_MIX = { throughput: 0.5, arrivals: 0.5 } as const;

type Sums = readonly number[];

export interface Charging {
  /** The ratio of error rates up to which the candidate counts as no worse. */
  readonly errorRatio: number;
  /** So many looks' worth of evidence may come at once. */
  readonly atOnce: number;
  /** They scale how much the look may say. */
  readonly effects: DesignEffects;
  /** The world is ill: being above an absolute limit proves nothing. */
  readonly isTrouble: boolean;
}

/** The charges with what one look said added to each. */
export function charge(
  sums: Charges<Sums>,
  { profile: { tolerated }, errorLimit }: JudgeSetting,
  growth: Growth,
  exposure: Exposure,
  { errorRatio, atOnce, effects, isTrouble }: Charging,
): Charges<Sums> {
  const { legacy, candidate } = growth.latency;
  const body = splitGrowth({ legacy: legacy.body, candidate: candidate.bodyTolerated }, exposure.timed, 1, SLOWER);
  const tail = splitGrowth({ legacy: legacy.tail, candidate: candidate.tailTolerated }, exposure.timed, 1, MORE);
  const fewer = (events: ArmPair<number>, odds: number): Sums =>
    splitGrowth(events, odds, tolerated.throughputRatio, FEWER);
  const more = (events: ArmPair<number>, odds: number): Sums => splitGrowth(events, odds, errorRatio, MORE);
  const above = (limit: number): Sums =>
    limitGrowth(growth.errors.candidate, growth.requests.candidate, limit, ABOVE_LIMIT);
  const swift = { perLook: MOST_PER_LOOK * atOnce, most: CERTAIN };
  const slow = { perLook: MOST_PER_SLOW_LOOK, most: CERTAIN };
  return {
    requests: accumulate(sums.requests, more(growth.errors, exposure.requests), swift, effects.errors),
    users: accumulate(sums.users, more(growth.failed, exposure.users), swift, 1),
    body: accumulate(sums.body, body, slow, effects.body),
    tail: accumulate(sums.tail, tail, slow, effects.tail),
    throughput: accumulate(
      sums.throughput,
      fewer(growth.requests, exposure.throughput),
      { ...slow, perLook: MOST_PER_SLOW_LOOK * atOnce },
      effects.requests,
    ),
    arrivals: accumulate(sums.arrivals, fewer(growth.seen, exposure.arrivals), slow, 1),
    limit:
      errorLimit === null || isTrouble ? sums.limit : accumulate(sums.limit, above(errorLimit), swift, effects.errors),
    segments: sums.segments.map((segment, at) => {
      const grown = growth.segments[at];
      if (grown === undefined) return segment;
      const added = splitGrowth(grown.errors, quotient(grown.requests), errorRatio, MORE_IN_SEGMENT);
      return accumulate(segment, added, { ...swift, perLook: MOST_PER_LOOK }, effects.errors);
    }),
  };
}

/** Begins the starts that are due at the next look, and gives up those that are too many. */
export function withStarts(state: JudgeState, { looks }: JudgeSetting): JudgeState {
  let { restarts, charges } = state;
  for (let due = startsDue(restarts, state.looks, looks); due > 0; due -= 1) {
    restarts = { ...restarts, began: [...restarts.began, state.looks] };
    charges = everyCharge(charges, (sums, { factors }) => [...sums, ...factors.map(() => 0)]);
    const drop = startToDrop(restarts, state.looks);
    if (drop === null) continue;
    restarts = { began: restarts.began.toSpliced(drop, 1), dropped: restarts.dropped + 1 };
    charges = everyCharge(charges, (sums, { factors }) => sums.toSpliced(drop * factors.length, factors.length));
  }
  return { ...state, restarts, charges };
}

function everyCharge(charges: Charges<Sums>, change: (sums: Sums, alternatives: Alternatives) => Sums): Charges<Sums> {
  return {
    requests: change(charges.requests, MORE),
    users: change(charges.users, MORE),
    body: change(charges.body, SLOWER),
    tail: change(charges.tail, MORE),
    throughput: change(charges.throughput, FEWER),
    arrivals: change(charges.arrivals, FEWER),
    limit: change(charges.limit, ABOVE_LIMIT),
    segments: charges.segments.map((sums) => change(sums, MORE_IN_SEGMENT)),
  };
}

type Part = keyof typeof METRIC_WEIGHTS;

/** What speaks against the candidate. */
export interface Accusation {
  /** One e-process for the whole rollout. */
  readonly evidence: number;
  readonly byMetric: Readonly<Record<JudgedMetric, number>>;
  /** What it speaks of most. */
  readonly metric: JudgedMetric;
  /** The segment that errors are clearest in, where no other view of them says more. */
  readonly segment: string | null;
}

export function accuse(setting: JudgeSetting, state: JudgeState, effects: DesignEffects): Accusation {
  const { kept, dropped } = stakesOf(state.restarts, setting.looks);
  const value = (sums: Sums, alternatives: Alternatives, effect: number): number =>
    evidenceOf(sums, kept, alternatives, effect) - dropped;
  const { charges } = state;
  const segments = charges.segments.map((sums) => value(sums, MORE_IN_SEGMENT, effects.errors));
  const errors: readonly Weighted[] = [
    [ERRORS_MIX.requests, value(charges.requests, MORE, effects.errors)],
    [ERRORS_MIX.users, value(charges.users, MORE, effects.users)],
    ...segments.map((each): Weighted => [ERRORS_MIX.segments / segments.length, each]),
  ];
  const values: Readonly<Record<Part, number>> = {
    errors: mean(errors),
    latency: mean([
      [LATENCY_MIX.body, value(charges.body, SLOWER, effects.body)],
      [LATENCY_MIX.tail, value(charges.tail, MORE, effects.tail)],
    ]),
    throughput: mean([
      [THROUGHPUT_MIX.throughput, value(charges.throughput, FEWER, effects.requests)],
      [THROUGHPUT_MIX.arrivals, value(charges.arrivals, FEWER, 1)],
    ]),
    limit: value(charges.limit, ABOVE_LIMIT, effects.errors),
  };
  const parts: readonly Part[] = setting.errorLimit === null ? setting.metrics : [...setting.metrics, 'limit'];
  const worst = parts.reduce((most, part) =>
    METRIC_WEIGHTS[part] * values[part] > METRIC_WEIGHTS[most] * values[most] ? part : most,
  );
  return {
    evidence: mean(parts.map((part): Weighted => [METRIC_WEIGHTS[part], values[part]])),
    byMetric: values,
    metric: worst === 'limit' ? 'errors' : worst,
    segment: setting.segments[heaviest(errors) - VIEWS_OF_ALL] ?? null,
  };
}

type Weighted = readonly [weight: number, value: number];

/** Requests and users come before the segments. */
const VIEWS_OF_ALL = 2;

function heaviest(weighted: readonly Weighted[]): number {
  const products = weighted.map(([weight, value]) => weight * value);
  return products.indexOf(Math.max(...products));
}

function mean(weighted: readonly Weighted[]): number {
  const weight = weighted.reduce((sum, [each]) => sum + each, 0);
  return weighted.reduce((sum, [each, value]) => sum + each * value, 0) / weight;
}
