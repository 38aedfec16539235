import type { MetricComparison } from './experiment/metric-comparison.ts';
import type { ArmComparison } from './judge/arm-comparison.ts';

/** Why a reading has no usable value. `stale` is a value that is older than the signal allows. */
export type ReadingStatus = 'ok' | 'no-data' | 'stale' | 'error';

/** One value of one signal at one moment, with where it came from. */
export interface Reading {
  readonly signal: string;
  readonly status: ReadingStatus;
  /** In the signal's unit: percent 0–100, milliseconds, or plain. Null unless the status is `ok` or `stale`. */
  readonly value: number | null;
  /** The same for the legacy arm, where the source knows arms. */
  readonly legacy?: number;
  /** Requests behind the legacy value, where the source counts them. */
  readonly legacySample?: number;
  /** Requests behind the value, where the source counts them. */
  readonly sample?: number;
  /** What the variants of the flag have reached, for signals that are goals. */
  readonly metric?: MetricComparison;
  /** How old the newest datum is, in milliseconds. */
  readonly ageMs: number;
  /** Where the value came from: `telemetry`, `http https://…`, `command …`, `reported by ana`. */
  readonly source: string;
  /** What the source was asked, without secrets, where it is asked anything. */
  readonly query?: string;
  /** Why there is no value. */
  readonly problem?: string;
}

/** All readings one gate needs, taken together. `at` is epoch milliseconds. */
export interface Measurement {
  readonly at: number;
  readonly readings: readonly Reading[];
  /** What both arms counted, for gates that compare them. */
  readonly comparison?: ArmComparison;
  /** Second writes of a migration that wait to be repaired; null where nobody can tell. */
  readonly repairs?: Repairs | null;
}

/** What a migration owes the other side, over all instances of an environment. */
export interface Repairs {
  /** Failed second writes that are tried again. */
  readonly pending: number;
  /** Those that were given up. */
  readonly failed: number;
  /** Instances that owe any. */
  readonly instances: number;
  /** Instances that owed some when they were last heard of. */
  readonly silent: number;
}
