import type { ArmComparison } from './arm-comparison.ts';
import { type ArmCounts, type ArmPair, type LatencyCounts, NO_USERS, type UserSums } from './arm-counts.ts';
import type { JudgeSetting, JudgeState } from './judge-state.ts';

/** What one look added to what is known of both arms. */
export interface Growth {
  readonly requests: ArmPair<number>;
  readonly errors: ArmPair<number>;
  /** Users who failed for the first time. */
  readonly failed: ArmPair<number>;
  readonly atRisk: ArmPair<number>;
  /** Users who came for the first time. */
  readonly seen: ArmPair<number>;
  readonly latency: ArmPair<LatencyCounts>;
  readonly segments: readonly { readonly requests: ArmPair<number>; readonly errors: ArmPair<number> }[];
}

/** The growth since the last look that had data; null where a counter shrank, so that nothing can be said. */
export function growthSince(state: JudgeState, before: ArmPair, now: ArmPair, epoch: number): Growth | null {
  const pair = (of: (arm: ArmCounts) => number): ArmPair<number> => ({
    legacy: of(now.legacy) - of(before.legacy),
    candidate: of(now.candidate) - of(before.candidate),
  });
  const isSameEpoch = epoch === state.epoch;
  const users = (of: (sums: UserSums) => number): ArmPair<number> => ({
    legacy: of(now.legacy.users) - of(isSameEpoch ? before.legacy.users : NO_USERS),
    candidate: of(now.candidate.users) - of(isSameEpoch ? before.candidate.users : NO_USERS),
  });
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
  return isGrowth(growth) ? growth : null;
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

function isGrowth({ requests, errors, failed, atRisk, seen, latency, segments }: Growth): boolean {
  return (
    [requests, errors, failed, atRisk, seen].every(isGrown) &&
    segments.every((segment) => isGrown(segment.requests) && isGrown(segment.errors)) &&
    isLatencyGrown(latency.legacy) &&
    isLatencyGrown(latency.candidate)
  );
}

function isGrown({ legacy, candidate }: ArmPair<number>): boolean {
  return legacy >= 0 && candidate >= 0;
}

/** The marks stand in order: where the highest and the whole have not shrunk, what lies between tells nothing more. */
function isLatencyGrown({ timed, body, bodyHarmful, tail, tailHarmful }: LatencyCounts): boolean {
  return timed >= 0 && body >= 0 && bodyHarmful >= 0 && tail >= 0 && tailHarmful >= 0;
}

/** How much candidate there was for each unit of legacy, by kind of event; 0 where nothing can be learnt. */
export interface Exposure {
  readonly requests: number;
  readonly users: number;
  readonly timed: number;
  readonly throughput: number;
  readonly arrivals: number;
}

export function exposureOf(
  setting: JudgeSetting,
  state: JudgeState,
  { odds, assigned, epoch }: ArmComparison,
  growth: Growth,
): Exposure {
  const timed = { legacy: growth.latency.legacy.timed, candidate: growth.latency.candidate.timed };
  // What was counted since the last look may be of two exposures, and nobody knows how much of each.
  const share = epoch === state.epoch ? (odds ?? 0) : 0;
  return {
    requests: quotient(growth.requests),
    users: quotient(growth.atRisk),
    timed: state.looks < setting.warmUpLooks ? 0 : quotient(timed),
    throughput: share,
    arrivals: assigned === null ? share : quotient(unseen(state, assigned, epoch)),
  };
}

/** Users who have not come yet, before this look. */
function unseen({ last, epoch }: JudgeState, assigned: ArmPair<number>, now: number): ArmPair<number> {
  const seen = (arm: keyof ArmPair): number => (epoch === now ? (last?.[arm].users.seen ?? 0) : 0);
  return { legacy: assigned.legacy - seen('legacy'), candidate: assigned.candidate - seen('candidate') };
}

/** Candidate for each unit of legacy; 0 without legacy. */
export function quotient({ legacy, candidate }: ArmPair<number>): number {
  return legacy > 0 ? Math.max(0, candidate) / legacy : 0;
}
