/**
 * What is known of one arm of one flag at one moment. Everything is a sum that only grows, so that a look that was missed
 * costs nothing: the next one sees the whole growth.
 */
export interface ArmCounts {
  readonly requests: number;
  readonly errors: number;
  readonly latency: LatencyCounts;
  readonly users: UserSums;
  /** By segment, in the order that both arms and all looks share. */
  readonly segments: readonly SegmentCounts[];
}

/**
 * How many timed requests were at or above each mark. The marks stand at the body (about the 75th percentile of legacy)
 * and at the tail (about the 99th), each as it is, moved up by what is tolerated and moved up by what is harmful.
 */
export interface LatencyCounts {
  readonly timed: number;
  readonly body: number;
  readonly bodyTolerated: number;
  readonly bodyHarmful: number;
  readonly tail: number;
  readonly tailTolerated: number;
  readonly tailHarmful: number;
}

/**
 * Sums over the users u of an arm since its user records began, where u made N requests, of them E errors, S at or
 * above the body's mark and T at or above the tail's: what tells how strongly events cling to few users.
 */
export interface UserSums {
  /** Users with any request. */
  readonly seen: number;
  /** Users with any error. */
  readonly failed: number;
  /** User-reports at risk: summed over all reports, the users of a report who had not failed before it. */
  readonly atRisk: number;
  readonly n: number;
  readonly e: number;
  readonly s: number;
  readonly t: number;
  readonly nn: number;
  readonly ee: number;
  readonly ne: number;
  readonly ss: number;
  readonly ns: number;
  readonly tt: number;
  readonly nt: number;
}

export interface SegmentCounts {
  readonly requests: number;
  readonly errors: number;
}

/** Both arms at one moment. */
export interface ArmPair<T = ArmCounts> {
  readonly legacy: T;
  readonly candidate: T;
}

export const NO_USERS: UserSums = {
  seen: 0,
  failed: 0,
  atRisk: 0,
  n: 0,
  e: 0,
  s: 0,
  t: 0,
  nn: 0,
  ee: 0,
  ne: 0,
  ss: 0,
  ns: 0,
  tt: 0,
  nt: 0,
};

export const NO_LATENCY: LatencyCounts = {
  timed: 0,
  body: 0,
  bodyTolerated: 0,
  bodyHarmful: 0,
  tail: 0,
  tailTolerated: 0,
  tailHarmful: 0,
};

/** An arm of which nothing was counted yet. */
export function noCounts(segments: number): ArmCounts {
  const none = { requests: 0, errors: 0 };
  return { requests: 0, errors: 0, latency: NO_LATENCY, users: NO_USERS, segments: new Array(segments).fill(none) };
}
