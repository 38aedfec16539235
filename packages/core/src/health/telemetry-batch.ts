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
  /** True in the last batch of an instance that ends in order, so that nobody waits for it. */
  readonly closing?: boolean;
}

export interface FlagTelemetry {
  readonly legacy: ArmTelemetry;
  readonly candidate: ArmTelemetry;
}

/** Cumulative counts of one arm of one flag since the instance began. */
export interface ArmTelemetry {
  readonly requests: number;
  readonly errors: number;
  /** Requests whose candidate failed and that were answered by legacy instead (candidate arm only). */
  readonly fallbacks: number;
  /** Sparse latency histogram: bucket, count, bucket, count … as {@link latencyBucket} numbers them. */
  readonly latency: readonly number[];
}

/** Batches larger than this are refused by the server, in bytes of JSON. */
export const TELEMETRY_BATCH_LIMIT_BYTES = 1_000_000;
