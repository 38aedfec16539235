import type { SegmentCounts } from './judge/arm-counts.ts';

/**
 * What one SDK instance reports: counters that only ever grow since the instance began, so that a batch may be lost,
 * repeated or late without a request being lost or counted twice: the receiver adds the difference to what it knew.
 */
export interface TelemetryBatch {
  /** Unique to one life of one SDK: a restarted process is a new instance whose counters begin at zero. */
  readonly instance: string;
  /** A readable name of the service, such as `front`. */
  readonly service: string;
  /** The environment whose flags this instance answers from; `default` where it is left out. */
  readonly environment?: string;
  /** Grows by one with each batch of an instance; an older batch that arrives late is ignored. */
  readonly sequence: number;
  /** The version of the flag document this instance answers from; 0 when it knows none. */
  readonly servedVersion: number;
  readonly flags: Readonly<Record<string, FlagTelemetry>>;
  /** What single users did since the part before this one was acknowledged; never cumulative. */
  readonly users?: UserTelemetry;
  /** True in the last batch of an instance that ends in order, so that nobody waits for it. */
  readonly closing?: boolean;
}

export interface FlagTelemetry {
  readonly legacy: ArmTelemetry;
  readonly candidate: ArmTelemetry;
  /** How many writes one side lacks at this moment, no growing counts; absent where the flag migrates nothing here. */
  readonly repairs?: RepairTelemetry;
  /** What the answers of both sides differed in; absent where none were compared. */
  readonly differences?: DifferenceTelemetry;
}

/** Writes that one side of a migration lacks as far as this instance knows. Cut-over has to wait until both are 0. */
export interface RepairTelemetry {
  /** Those that are repeated until they succeed. */
  readonly pending: number;
  /** Those that were given up, may not be repeated or could not be kept: a person has to see to them. */
  readonly failed: number;
}

/** Cumulative counts of shadow reads since the instance began. */
export interface DifferenceTelemetry {
  /** Equal and different ones. */
  readonly compared: number;
  readonly equal: number;
  readonly different: number;
  /** Not compared as there was no room, as the breaker was open, or as the answers were too large. */
  readonly dropped: number;
  readonly timedOut: number;
  /** The shadow, or what compares, failed. */
  readonly shadowFailed: number;
  /** At most {@link DIFFERENCE_PATH_LIMIT}; what is found beyond them is counted under the path `…`. */
  readonly paths: readonly DifferencePath[];
}

/** One place in which answers differed. `missing`: legacy has it and the candidate has not; `extra`: the reverse. */
export type DifferenceKind = 'missing' | 'extra' | 'changed' | 'type';

export interface DifferencePath {
  /** Such as `$.items[*].price`: indices of lists, and keys that look like data, are folded. */
  readonly path: string;
  readonly kind: DifferenceKind;
  /** How many answers differed here. */
  readonly count: number;
  /** At most {@link DIFFERENCE_SAMPLE_LIMIT}, redacted. */
  readonly samples: readonly DifferenceSample[];
}

/** What stood on either side, as far as it may be shown: at most {@link DIFFERENCE_SAMPLE_LENGTH} characters each. */
export interface DifferenceSample {
  readonly legacy: string;
  readonly candidate: string;
}

export const DIFFERENCE_PATH_LIMIT = 50;
export const DIFFERENCE_PATH_LENGTH = 200;
export const DIFFERENCE_SAMPLE_LIMIT = 3;
export const DIFFERENCE_SAMPLE_LENGTH = 120;

/** Cumulative counts of one arm of one flag since the instance began. */
export interface ArmTelemetry {
  readonly requests: number;
  readonly errors: number;
  /** Requests whose candidate failed and that were answered by legacy instead (candidate arm only). */
  readonly fallbacks: number;
  /** Counts of latencies: bucket, count, bucket, count … as {@link latencyBucket} numbers them; on the wire as `packLatency` writes them. */
  readonly latency: readonly number[];
  /**
   * Those of them that hash alone sent to this arm, so that both arms hold users of one kind; `all` where every one is.
   * Absent where nobody compares the arms.
   */
  readonly compared?: 'all' | ComparedTelemetry;
  /** Those of the compared whose users belong to a stratum, by the stratum's key in the flag document. */
  readonly strata?: Readonly<Record<string, SegmentCounts>>;
}

export interface ComparedTelemetry {
  readonly requests: number;
  readonly errors: number;
  readonly latency: readonly number[];
}

/**
 * Increments by user. The sender repeats a part, unchanged and under its own number, until it is acknowledged, and only
 * then makes the next: a part is counted once, whatever is lost.
 */
export interface UserTelemetry {
  readonly sequence: number;
  readonly flags: Readonly<Record<string, FlagUsers>>;
  /** What was tracked, by flag; absent where nothing was. */
  readonly goals?: Readonly<Record<string, FlagGoals>>;
}

export interface FlagUsers {
  /** Of the flag as it was when these requests were assigned: see `Assignment` in core/flag. */
  readonly epoch: number;
  /** The same without the marks of latency; the epoch where absent. */
  readonly split?: number;
  /** One user of 2^level is reported, by hash: 0 is everybody. */
  readonly level: number;
  readonly legacy: UserCounts;
  readonly candidate: UserCounts;
  /** How many of the candidate's users took each variant, in the order in which they stand; absent where there are none. */
  readonly variants?: readonly VariantUsers[];
}

export type VariantUsers = readonly [variant: string, users: number];

/** Goals that subjects of one flag have reached since the last part. */
export interface FlagGoals {
  /** The split of the flag as it was when they were tracked: see `Assignment` in core/flag. */
  readonly split: number;
  readonly goals: Readonly<Record<string, GoalCounts>>;
}

/** Three numbers a user: pseudonym, how often the goal was reached, the sum of its values. No user stands twice. */
export type GoalCounts = readonly number[];

/** How many numbers a user takes in {@link GoalCounts}. */
export const GOAL_FIELDS = 3;

/**
 * Five numbers a user: pseudonym, requests, errors, requests at or above the body's mark, at or above the tail's. No
 * user stands twice in a part. Without a request, somebody was only told which arm is theirs.
 */
export type UserCounts = readonly number[];

/** How many numbers a user takes in {@link UserCounts}. */
export const USER_FIELDS = 5;

/** Batches larger than this are refused by the server, in bytes of JSON. */
export const TELEMETRY_BATCH_LIMIT_BYTES = 1_000_000;
