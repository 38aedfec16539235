import type { ArmComparison } from './arm-comparison.ts';
import type { ArmCounts, ArmPair, LatencyCounts, UserSums } from './arm-counts.ts';
import { NO_USERS } from './arm-counts.ts';
import {
  addSplit,
  BODY_PRIOR,
  designEffect,
  ERRORS_PRIOR,
  requestsDesignEffect,
  TAIL_PRIOR,
  withDispersion,
} from './design-effect.ts';
import { type Alternatives, accumulate, evidenceOf, limitGrowth, splitGrowth } from './e-process.ts';
import type { Charges, Defences, JudgedMetric, JudgeSetting, JudgeState, JudgeVerdict, Tally } from './judge-state.ts';
import type { Margin } from './profile.ts';
import { stakesOf, startsDue, startToDrop } from './restarts.ts';
import { wordsFor } from './words.ts';

/** More errors, slower tails. Most of the stake is on small effects: large ones overcome a small stake within a look or two. */
const MORE: Alternatives = { factors: [1.6, 2.5, 5, 12, 40], weights: [0.4, 0.25, 0.2, 0.1, 0.05] };
/** A segment is small: only a large effect can be seen in it. */
const MORE_IN_SEGMENT: Alternatives = { factors: MORE.factors, weights: [0.1, 0.2, 0.3, 0.25, 0.15] };
const SLOWER: Alternatives = { factors: [1.15, 1.4, 2, 4], weights: [0.35, 0.35, 0.2, 0.1] };
const FEWER: Alternatives = { factors: [0.8, 0.55, 0.25, 0.05], weights: [0.25, 0.25, 0.25, 0.25] };
const ABOVE_LIMIT: Alternatives = { factors: [1.3, 1.8, 3, 6, 12], weights: [0.2, 0.2, 0.2, 0.2, 0.2] };
/** Against harm: the candidate's rate is so many times legacy's, that is, no worse, a little worse or better. */
const NO_WORSE: Alternatives = { factors: [1, 0.6, 1.25], weights: [0.6, 0.2, 0.2] };
/** Against harm by latency: so many times as many requests are beyond the harmful mark as legacy has beyond its own. */
const NOT_SLOWER: Alternatives = { factors: [0.75, 0.5, 0.3, 0.12], weights: [0.25, 0.25, 0.25, 0.25] };

/** Nobody is rolled back for a single look: it multiplies the evidence by no more than e to these, before clustering. */
const MOST_PER_LOOK = 2.1;
const MOST_PER_SLOW_LOOK = 2.4;
/** After a gap one look may bring the evidence of so many. */
const MOST_LOOKS_AT_ONCE = 3;

const METRIC_WEIGHTS = { errors: 0.45, latency: 0.3, throughput: 0.15, limit: 0.1 } as const;
const ERRORS_MIX = { requests: 0.3, users: 0.45, segments: 0.25 } as const;
const LATENCY_MIX = { body: 0.6, tail: 0.4 } as const;

/** Where no limit is set, so many failures on legacy mean that the world is ill. */
const USUAL_LIMIT = 0.05;
const RECENT_MEMORY = 0.9;

/** What one look added, and what it is to be compared by. */
interface Growth {
  readonly requests: ArmPair<number>;
  readonly errors: ArmPair<number>;
  readonly failed: ArmPair<number>;
  readonly atRisk: ArmPair<number>;
  readonly seen: ArmPair<number>;
  readonly latency: ArmPair<LatencyCounts>;
  readonly segments: readonly { readonly requests: ArmPair<number>; readonly errors: ArmPair<number> }[];
}

/**
 * Judges one more look. Pure, and of the same cost however much was seen before.
 *
 * The evidence is one e-process for the whole rollout: a weighted mean of e-processes for errors (by requests, by users who
 * fail for the first time, by segments), latency (body and tail), throughput and the absolute limit. While the
 * candidate is no worse than the profile tolerates, the probability that it ever reaches 1 / falseRollback is at most
 * falseRollback, however often one looks (Ville). A pass is the same with the nulls reversed: every harm is excluded.
 */
export function look(setting: JudgeSetting, state: JudgeState, comparison: ArmComparison): JudgeState {
  if (state.verdict?.verdict === 'fail') return state;
  const { counts, at } = comparison;
  if (counts === null || !isWhole(counts)) {
    const text = comparison.problem ?? 'the source has no counts';
    return {
      ...state,
      looks: state.looks + 1,
      blindLooks: state.blindLooks + 1,
      verdict: inconclusive(setting, state, at, 'no-data', text),
    };
  }
  const growth = state.last === null ? null : growthBetween(state, counts, comparison.epoch);
  if (growth === null) {
    const text = state.last === null ? 'counting begins' : 'the counters began anew';
    return {
      ...state,
      last: counts,
      epoch: comparison.epoch,
      blindLooks: 0,
      verdict: inconclusive(setting, state, at, 'needs-data', text),
    };
  }
  return concluded(setting, weighed(setting, state, comparison, counts, growth), comparison, growth);
}

/** Whether the counts are numbers at all: a source may answer NaN. */
function isWhole({ legacy, candidate }: ArmPair): boolean {
  return [legacy, candidate].every(({ requests, errors }) => Number.isFinite(requests) && Number.isFinite(errors));
}

function growthBetween(state: JudgeState, now: ArmPair, epoch: number): Growth | null {
  const before = state.last as ArmPair;
  const pair = (of: (arm: ArmCounts) => number): ArmPair<number> => ({
    legacy: of(now.legacy) - of(before.legacy),
    candidate: of(now.candidate) - of(before.candidate),
  });
  const users = (of: (sums: UserSums) => number): ArmPair<number> => {
    const since = epoch === state.epoch ? before : null;
    return {
      legacy: of(now.legacy.users) - of(since?.legacy.users ?? NO_USERS),
      candidate: of(now.candidate.users) - of(since?.candidate.users ?? NO_USERS),
    };
  };
  const growth: Growth = {
    requests: pair(({ requests }) => requests),
    errors: pair(({ errors }) => errors),
    failed: users(({ failed }) => failed),
    atRisk: users(({ atRisk }) => atRisk),
    seen: users(({ seen }) => seen),
    latency: {
      legacy: latencyGrowth(now.legacy.latency, before.legacy.latency),
      candidate: latencyGrowth(now.candidate.latency, before.candidate.latency),
    },
    segments: now.legacy.segments.map((_, at) => ({
      requests: pair(({ segments }) => segments[at]?.requests ?? 0),
      errors: pair(({ segments }) => segments[at]?.errors ?? 0),
    })),
  };
  const shrunk = [growth.requests, growth.errors, growth.failed, growth.seen].some(
    ({ legacy, candidate }) => legacy < 0 || candidate < 0,
  );
  return shrunk ? null : growth;
}

function latencyGrowth(now: LatencyCounts, before: LatencyCounts): LatencyCounts {
  return {
    timed: now.timed - before.timed,
    body: now.body - before.body,
    bodyTolerated: now.bodyTolerated - before.bodyTolerated,
    bodyHarmful: now.bodyHarmful - before.bodyHarmful,
    tail: now.tail - before.tail,
    tailTolerated: now.tailTolerated - before.tailTolerated,
    tailHarmful: now.tailHarmful - before.tailHarmful,
  };
}

/** The state with the look's evidence added. */
function weighed(
  setting: JudgeSetting,
  state: JudgeState,
  comparison: ArmComparison,
  counts: ArmPair,
  growth: Growth,
): JudgeState {
  const number = state.looks;
  const begun = withStarts(state, number, setting.looks);
  const atOnce = state.blindLooks === 0 ? 1 : Math.min(MOST_LOOKS_AT_ONCE, state.blindLooks + 1);
  const exposure = exposureOf(setting, state, comparison, growth, number);
  const controlRate = legacyErrorRate(setting, state);
  const { tolerated, harmful } = setting.profile;
  const effects = leastEffects(state.last, counts);
  const isTrouble = isEnvironment(setting, recentOf(state, growth));
  return {
    ...begun,
    looks: number + 1,
    blindLooks: 0,
    charges: charged(begun.charges, setting, growth, exposure, {
      errorRatio: ratioOf(tolerated, controlRate),
      atOnce,
      effects,
      isTrouble,
    }),
    defences: defended(state.defences, growth, exposure, harmful, {
      errorRatio: ratioOf(harmful, controlRate),
      isTrouble,
    }),
    last: counts,
    epoch: comparison.epoch,
    judged: {
      legacy: tallied(state.judged.legacy, growth, 'legacy'),
      candidate: tallied(state.judged.candidate, growth, 'candidate'),
    },
    recent: recentOf(state, growth),
    scatter:
      atOnce > 1
        ? state.scatter
        : {
            requests: addSplit(state.scatter.requests, growth.errors),
            users: addSplit(state.scatter.users, growth.failed),
          },
  };
}

function tallied(tally: Tally, growth: Growth, arm: keyof ArmPair): Tally {
  const latency = growth.latency[arm];
  return {
    requests: tally.requests + growth.requests[arm],
    errors: tally.errors + growth.errors[arm],
    timed: tally.timed + latency.timed,
    body: tally.body + latency.body,
    bodyTolerated: tally.bodyTolerated + latency.bodyTolerated,
    tail: tally.tail + latency.tail,
    tailTolerated: tally.tailTolerated + latency.tailTolerated,
  };
}

/** How much candidate there was for each unit of legacy, for each kind of event; 0 where nothing can be learnt. */
interface Exposure {
  readonly requests: number;
  readonly users: number;
  readonly timed: number;
  readonly throughput: number;
  readonly arrivals: number;
}

function exposureOf(
  setting: JudgeSetting,
  state: JudgeState,
  { odds, assigned, epoch }: ArmComparison,
  growth: Growth,
  number: number,
): Exposure {
  const timed = { legacy: growth.latency.legacy.timed, candidate: growth.latency.candidate.timed };
  const seen = (arm: keyof ArmPair): number => (epoch === state.epoch ? (state.last?.[arm].users.seen ?? 0) : 0);
  const unseen = (arm: keyof ArmPair): number => (assigned === null ? 0 : assigned[arm] - seen(arm));
  return {
    requests: quotient(growth.requests),
    users: quotient(growth.atRisk),
    timed: number < setting.warmUpLooks ? 0 : quotient(timed),
    throughput: odds ?? 0,
    arrivals: assigned === null ? (odds ?? 0) : quotient({ legacy: unseen('legacy'), candidate: unseen('candidate') }),
  };
}

function quotient({ legacy, candidate }: ArmPair<number>): number {
  return legacy > 0 ? Math.max(0, candidate) / legacy : 0;
}

/** Legacy's error rate by all that was known before this look, so that the margin does not follow what it judges. */
function legacyErrorRate({ prior }: JudgeSetting, { judged: { legacy } }: JudgeState): number {
  return (prior.errors + legacy.errors + 0.5) / (prior.requests + legacy.requests + 100);
}

/** Ratio and absolute share in one: three errors against one at 0.01 % are no threefold rate. */
function ratioOf({ errorRatio, errorShare }: Margin, rate: number): number {
  return errorRatio + errorShare / rate;
}

/** The smaller of the design effects before and after the look: it scales how much one look may say. */
function leastEffects(before: ArmPair | null, now: ArmPair): Charges<number> {
  const users = (pair: ArmPair | null): ArmPair<UserSums> | null =>
    pair === null ? null : { legacy: pair.legacy.users, candidate: pair.candidate.users };
  const least = (of: (sums: ArmPair<UserSums> | null) => number): number => Math.min(of(users(before)), of(users(now)));
  const errors = least((sums) => designEffect(sums, 'e', ERRORS_PRIOR));
  return {
    requests: errors,
    users: 1,
    body: least((sums) => designEffect(sums, 's', BODY_PRIOR)),
    tail: least((sums) => designEffect(sums, 't', TAIL_PRIOR)),
    throughput: least(requestsDesignEffect),
    arrivals: 1,
    limit: errors,
    segments: [errors],
  };
}

interface Charging {
  readonly errorRatio: number;
  readonly atOnce: number;
  readonly effects: Charges<number>;
  readonly isTrouble: boolean;
}

type Sums = readonly number[];

function charged(
  sums: Charges<Sums>,
  { profile: { tolerated }, errorLimit }: JudgeSetting,
  growth: Growth,
  exposure: Exposure,
  { errorRatio, atOnce, effects, isTrouble }: Charging,
): Charges<Sums> {
  const most = MOST_PER_LOOK * atOnce;
  const { latency } = growth;
  return {
    requests: accumulate(
      sums.requests,
      splitGrowth(growth.errors, exposure.requests, errorRatio, MORE),
      most * effects.requests,
    ),
    users: accumulate(sums.users, splitGrowth(growth.failed, exposure.users, errorRatio, MORE), most),
    body: accumulate(
      sums.body,
      splitGrowth(
        { legacy: latency.legacy.body, candidate: latency.candidate.bodyTolerated },
        exposure.timed,
        1,
        SLOWER,
      ),
      MOST_PER_SLOW_LOOK * effects.body,
    ),
    tail: accumulate(
      sums.tail,
      splitGrowth({ legacy: latency.legacy.tail, candidate: latency.candidate.tailTolerated }, exposure.timed, 1, MORE),
      MOST_PER_SLOW_LOOK * effects.tail,
    ),
    throughput: accumulate(
      sums.throughput,
      splitGrowth(growth.requests, exposure.throughput, tolerated.throughputRatio, FEWER),
      MOST_PER_SLOW_LOOK * effects.throughput * atOnce,
    ),
    arrivals: accumulate(
      sums.arrivals,
      splitGrowth(growth.seen, exposure.arrivals, tolerated.throughputRatio, FEWER),
      MOST_PER_SLOW_LOOK,
    ),
    limit:
      errorLimit === null || isTrouble
        ? sums.limit
        : accumulate(
            sums.limit,
            limitGrowth(growth.errors.candidate, growth.requests.candidate, errorLimit, ABOVE_LIMIT),
            most * effects.limit,
          ),
    segments: sums.segments.map((segment, at) => {
      const grown = growth.segments[at];
      if (grown === undefined) return segment;
      const added = splitGrowth(grown.errors, quotient(grown.requests), errorRatio, MORE_IN_SEGMENT);
      return accumulate(segment, added, MOST_PER_LOOK * effects.requests);
    }),
  };
}

function defended(
  sums: Defences<Sums>,
  growth: Growth,
  exposure: Exposure,
  { throughputRatio }: Margin,
  { errorRatio, isTrouble }: Pick<Charging, 'errorRatio' | 'isTrouble'>,
): Defences<Sums> {
  const { latency } = growth;
  const add = (before: Sums, events: ArmPair<number>, odds: number, ratio: number, to: Alternatives): Sums => {
    const from = before.length === 0 ? to.factors.map(() => 0) : before;
    const against = { ...to, factors: to.factors.map((factor) => factor / ratio) };
    return accumulate(from, splitGrowth(events, odds, ratio, against), Number.POSITIVE_INFINITY);
  };
  return {
    requests: isTrouble
      ? sums.requests
      : add(sums.requests, growth.errors, exposure.requests, errorRatio, NO_WORSE),
    users: isTrouble ? sums.users : add(sums.users, growth.failed, exposure.users, errorRatio, NO_WORSE),
    body: add(sums.body, { legacy: latency.legacy.body, candidate: latency.candidate.bodyHarmful }, exposure.timed, 1, NOT_SLOWER),
    tail: add(sums.tail, { legacy: latency.legacy.tail, candidate: latency.candidate.tailHarmful }, exposure.timed, 1, NOT_SLOWER),
    throughput: add(sums.throughput, growth.requests, exposure.throughput, throughputRatio, NO_WORSE),
    arrivals: add(sums.arrivals, growth.seen, exposure.arrivals, throughputRatio, NO_WORSE),
  };
}

/** Begins the starts that are due, and gives up those that are too many. */
function withStarts(
  state: JudgeState,
  number: number,
  looks: number,
): Pick<JudgeState, 'restarts' | 'charges'> & JudgeState {
  let { restarts, charges } = state;
  for (let due = startsDue(restarts, number, looks); due > 0; due -= 1) {
    restarts = { ...restarts, began: [...restarts.began, number] };
    charges = everyCharge(charges, (sums, { factors }) => [...sums, ...factors.map(() => 0)]);
    const drop = startToDrop(restarts, number);
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

function recentOf({ recent }: JudgeState, growth: Growth): JudgeState['recent'] {
  return {
    requests: recent.requests * RECENT_MEMORY + growth.requests.legacy,
    errors: recent.errors * RECENT_MEMORY + growth.errors.legacy,
  };
}

/** Legacy itself is near the limit, and far above what it used to be: the world is ill, not the candidate. */
function isEnvironment({ errorLimit, prior }: JudgeSetting, { requests, errors }: JudgeState['recent']): boolean {
  const usual = (prior.errors + 0.5) / (prior.requests + 100);
  return requests > 0 && errors / requests > Math.max((errorLimit ?? USUAL_LIMIT) / 2, 2 * usual);
}

/** The evidence of each metric, and what speaks against harm. */
export interface Weights {
  readonly charges: Readonly<Record<keyof typeof METRIC_WEIGHTS, number>>;
  readonly defences: Readonly<Record<JudgedMetric, number>>;
  readonly total: number;
}

function concluded(setting: JudgeSetting, state: JudgeState, { at }: ArmComparison, growth: Growth): JudgeState {
  const { profile, metrics } = setting;
  const weights = weightsOf(setting, state);
  const required = 1 / profile.falseRollback;
  const conclude = (
    verdict: JudgeVerdict['verdict'],
    rest: Partial<Pick<JudgeVerdict, 'metric' | 'reason'>>,
  ): JudgeState => {
    const found = { at, verdict, metric: null, reason: null, evidence: weights.total, required, ...rest };
    return { ...state, verdict: { ...found, text: wordsFor(setting, state, found) } };
  };
  if (weights.total >= required) return conclude('fail', { metric: blamed(setting, weights) });
  if (isEnvironment(setting, state.recent)) return conclude('inconclusive', { reason: 'environment' });
  if (growth.requests.legacy + growth.requests.candidate === 0) {
    return conclude('inconclusive', { reason: 'no-traffic' });
  }
  const excluded = metrics.every((metric) => weights.defences[metric] >= 1 / profile.falsePass);
  return excluded ? conclude('pass', {}) : conclude('inconclusive', { reason: 'needs-data' });
}

function weightsOf(setting: JudgeSetting, state: JudgeState): Weights {
  const { kept, dropped } = stakesOf(state.restarts, setting.looks);
  const effects = effectsNow(state);
  const value = (sums: Sums, alternatives: Alternatives, effect: number): number =>
    evidenceOf(sums, kept, alternatives, effect) - dropped;
  const { charges, defences } = state;
  const segments = charges.segments.map((sums) => value(sums, MORE_IN_SEGMENT, effects.requests));
  const errors = mean([
    [ERRORS_MIX.requests, value(charges.requests, MORE, effects.requests)],
    [ERRORS_MIX.users, value(charges.users, MORE, effects.users)],
    ...segments.map((each): readonly [number, number] => [ERRORS_MIX.segments / segments.length, each]),
  ]);
  const charged = {
    errors,
    latency:
      LATENCY_MIX.body * value(charges.body, SLOWER, effects.body) +
      LATENCY_MIX.tail * value(charges.tail, MORE, effects.tail),
    throughput: 0.5 * value(charges.throughput, FEWER, effects.throughput) + 0.5 * value(charges.arrivals, FEWER, 1),
    limit: value(charges.limit, ABOVE_LIMIT, effects.requests),
  };
  const against = (sums: Sums, effect: number, to: Alternatives = NO_WORSE): number =>
    sums.length === 0 ? 0 : evidenceOf(sums, [1], to, effect);
  return {
    charges: charged,
    defences: {
      errors: 0.5 * against(defences.requests, effects.requests) + 0.5 * against(defences.users, effects.users),
      latency: Math.min(
        against(defences.body, effects.body, NOT_SLOWER),
        against(defences.tail, effects.tail, NOT_SLOWER),
      ),
      throughput:
        0.5 * against(defences.throughput, effects.throughput) + 0.5 * against(defences.arrivals, effects.arrivals),
    },
    total: mean(parts(setting).map((part): readonly [number, number] => [METRIC_WEIGHTS[part], charged[part]])),
  };
}

function effectsNow({ last, scatter }: JudgeState): Charges<number> {
  const sums = last === null ? null : { legacy: last.legacy.users, candidate: last.candidate.users };
  const errors = withDispersion(designEffect(sums, 'e', ERRORS_PRIOR), scatter.requests);
  return {
    requests: errors,
    users: withDispersion(1, scatter.users),
    body: designEffect(sums, 's', BODY_PRIOR),
    tail: designEffect(sums, 't', TAIL_PRIOR),
    throughput: requestsDesignEffect(sums),
    arrivals: 1,
    limit: errors,
    segments: [],
  };
}

function parts({ metrics, errorLimit }: JudgeSetting): readonly (keyof typeof METRIC_WEIGHTS)[] {
  return errorLimit === null ? metrics : [...metrics, 'limit'];
}

function blamed(setting: JudgeSetting, { charges }: Weights): JudgedMetric {
  const worst = parts(setting).reduce((most, part) =>
    METRIC_WEIGHTS[part] * charges[part] > METRIC_WEIGHTS[most] * charges[most] ? part : most,
  );
  return worst === 'limit' ? 'errors' : worst;
}

function mean(weighted: readonly (readonly [weight: number, value: number])[]): number {
  const weight = weighted.reduce((sum, [each]) => sum + each, 0);
  return weighted.reduce((sum, [each, value]) => sum + each * value, 0) / weight;
}

function inconclusive(
  { profile }: JudgeSetting,
  { verdict }: JudgeState,
  at: number,
  reason: JudgeVerdict['reason'],
  text: string,
): JudgeVerdict {
  const evidence = verdict?.evidence ?? 1;
  return { at, verdict: 'inconclusive', metric: null, reason, evidence, required: 1 / profile.falseRollback, text };
}
