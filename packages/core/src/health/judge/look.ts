import type { ArmComparison } from './arm-comparison.ts';
import type { ArmPair } from './arm-counts.ts';
import { charge, withStarts } from './charges.ts';
import { defend } from './defences.ts';
import { addJump, afterBreak, ERRORS_PRIOR } from './design-effect.ts';
import { leastEffects } from './design-effects.ts';
import { weigh } from './explain.ts';
import { exposureOf, type Growth, growthSince } from './growth.ts';
import type { JudgeSetting, JudgeState, JudgeVerdict, Tally } from './judge-state.ts';
import type { Margin } from './profile.ts';

/** After a gap one look may bring the evidence of so many. */
const MOST_LOOKS_AT_ONCE = 3;
/** Where no limit is set, so many failures on legacy mean that the world is ill. */
const USUAL_LIMIT = 0.05;
/** How much of what was recent stays so at the next look. */
const RECENT_MEMORY = 0.9;

/**
 * Judges one more look. Pure, and of the same cost however much was seen before.
 *
 * The evidence is one e-process for the whole rollout: a weighted mean of e-processes for errors (by requests, by users who
 * fail for the first time, by segments), latency (body and tail), throughput and the absolute limit. While the
 * candidate is no worse than the profile tolerates, the probability that it ever reaches 1 / falseRollback is at most
 * falseRollback, however often one looks (Ville's inequality). A pass is the same with the nulls reversed: every harm is
 * excluded by evidence of its own.
 */
export function look(setting: JudgeSetting, state: JudgeState, comparison: ArmComparison): JudgeState {
  if (state.verdict?.verdict === 'fail') return state;
  const { counts, at, epoch } = comparison;
  if (counts === null || !isWhole(counts)) {
    const unseen = { ...state, looks: state.looks + 1, blindLooks: state.blindLooks + 1 };
    return withoutEvidence(setting, unseen, at, 'no-data', comparison.problem ?? 'the source has no counts');
  }
  const { last } = state;
  const growth = last === null ? null : growthSince(state, last, counts, epoch);
  if (growth === null) {
    const text = last === null ? 'counting begins' : 'the counters began anew';
    return withoutEvidence(setting, { ...state, last: counts, epoch, blindLooks: 0 }, at, 'needs-data', text);
  }
  return conclude(setting, heard(setting, state, comparison, counts, growth), at, growth);
}

/** Whether the counts are numbers at all: a source may answer NaN. */
function isWhole({ legacy, candidate }: ArmPair): boolean {
  return [legacy, candidate].every(({ requests, errors }) => Number.isFinite(requests) && Number.isFinite(errors));
}

/** The state with the evidence of a look added. */
function heard(
  setting: JudgeSetting,
  state: JudgeState,
  comparison: ArmComparison,
  counts: ArmPair,
  growth: Growth,
): JudgeState {
  const begun = withStarts(state, setting);
  const atOnce = Math.min(MOST_LOOKS_AT_ONCE, state.blindLooks + 1);
  const exposure = exposureOf(setting, state, comparison, growth);
  const legacyRate = legacyErrorRate(setting, state);
  const { tolerated, harmful } = setting.profile;
  const recent = recentOf(state, growth);
  const isTrouble = isEnvironment(setting, state, recent);
  const effects = leastEffects(state.last, counts);
  const charging = { errorRatio: ratioOf(tolerated, legacyRate), atOnce, effects, isTrouble };
  const defending = { errorRatio: ratioOf(harmful, legacyRate), isTrouble, effects };
  return {
    ...begun,
    looks: state.looks + 1,
    blindLooks: 0,
    charges: charge(begun.charges, setting, growth, exposure, charging),
    defences: defend(state.defences, growth, exposure, harmful, defending),
    last: counts,
    epoch: comparison.epoch,
    judged: {
      legacy: tallied(state.judged.legacy, growth, 'legacy', 1),
      candidate: tallied(state.judged.candidate, growth, 'candidate', exposure.throughput),
    },
    recent,
    usual: usualAfter(setting, state, isTrouble),
    scatter: scattered(state, growth, comparison.epoch, atOnce),
  };
}

/** How far this look jumped from the last; over a gap or a change of exposure nothing can be compared. */
function scattered(
  state: JudgeState,
  { errors, failed }: Growth,
  epoch: number,
  atOnce: number,
): JudgeState['scatter'] {
  const isBroken = atOnce > 1 || epoch !== state.epoch;
  const { requests, users } = isBroken ? brokenOff(state.scatter) : state.scatter;
  return {
    requests: addJump(requests, errors, ERRORS_PRIOR.value),
    users: addJump(users, failed, 1),
  };
}

export function brokenOff({ requests, users }: JudgeState['scatter']): JudgeState['scatter'] {
  return { requests: afterBreak(requests), users: afterBreak(users) };
}

function tallied(tally: Tally, growth: Growth, arm: keyof ArmPair, odds: number): Tally {
  const latency = growth.latency[arm];
  return {
    requests: tally.requests + growth.requests[arm],
    errors: tally.errors + growth.errors[arm],
    users: tally.users + growth.seen[arm],
    expected: tally.expected + growth.requests.legacy * odds,
    timed: tally.timed + latency.timed,
    body: tally.body + latency.body,
    tail: tally.tail + latency.tail,
  };
}

/** Legacy's error rate by all that was known before this look, so that the margin does not follow what it judges. */
function legacyErrorRate({ prior }: JudgeSetting, { judged: { legacy } }: JudgeState): number {
  return (prior.errors + legacy.errors + 0.5) / (prior.requests + legacy.requests + 100);
}

/** Ratio and absolute share in one: three errors against one at 0.01 % are no threefold rate. */
function ratioOf({ errorRatio, errorShare }: Margin, rate: number): number {
  return errorRatio + errorShare / rate;
}

function recentOf({ recent }: JudgeState, { requests, errors }: Growth): JudgeState['recent'] {
  return {
    requests: recent.requests * RECENT_MEMORY + requests.legacy,
    errors: recent.errors * RECENT_MEMORY + errors.legacy,
  };
}

/** Before so many requests of legacy are known, nobody can say what is usual. */
const KNOWN_AFTER = 1_000;

function knownOf({ prior }: JudgeSetting, { usual }: JudgeState): JudgeState['usual'] {
  return { requests: prior.requests + usual.requests, errors: prior.errors + usual.errors };
}

/** What is usual: all that is no longer recent, but for what was trouble. */
function usualAfter(setting: JudgeSetting, state: JudgeState, isTrouble: boolean): JudgeState['usual'] {
  const { usual, recent } = state;
  if (isTrouble && knownOf(setting, state).requests >= KNOWN_AFTER) return usual;
  const leaving = 1 - RECENT_MEMORY;
  return { requests: usual.requests + leaving * recent.requests, errors: usual.errors + leaving * recent.errors };
}

/** Legacy itself is beyond the limit, or near it and far above what it used to be: the world is ill, not the candidate. */
function isEnvironment(setting: JudgeSetting, state: JudgeState, { requests, errors }: JudgeState['recent']): boolean {
  if (requests === 0) return false;
  const rate = errors / requests;
  if (rate > (setting.errorLimit ?? Number.POSITIVE_INFINITY)) return true;
  const known = knownOf(setting, state);
  if (known.requests < KNOWN_AFTER) return false;
  const usual = (known.errors + 0.5) / (known.requests + 100);
  return rate > Math.max((setting.errorLimit ?? USUAL_LIMIT) / 2, 2 * usual);
}

type Found = Pick<JudgeVerdict, 'verdict' | 'metric' | 'reason'>;

function conclude(setting: JudgeSetting, state: JudgeState, at: number, { requests }: Growth): JudgeState {
  const { falseRollback, falsePass } = setting.profile;
  const weighing = weigh(setting, state);
  const { evidence, metric } = weighing.accusation;
  const required = 1 / falseRollback;
  const found = ((): Found => {
    if (evidence >= required) return { verdict: 'fail', metric, reason: null };
    if (isEnvironment(setting, state, state.recent)) return cannotTell('environment');
    if (requests.legacy + requests.candidate === 0) return cannotTell('no-traffic');
    const isExcluded = setting.metrics.every((each) => weighing.defence[each] >= 1 / falsePass);
    return isExcluded ? { verdict: 'pass', metric: null, reason: null } : cannotTell('needs-data');
  })();
  return { ...state, verdict: { at, ...found, evidence, required, problem: null } };
}

function cannotTell(reason: JudgeVerdict['reason']): Found {
  return { verdict: 'inconclusive', metric: null, reason };
}

function withoutEvidence(
  { profile }: JudgeSetting,
  state: JudgeState,
  at: number,
  reason: JudgeVerdict['reason'],
  problem: string,
): JudgeState {
  const evidence = state.verdict?.evidence ?? 1;
  return { ...state, verdict: { at, ...cannotTell(reason), evidence, required: 1 / profile.falseRollback, problem } };
}
