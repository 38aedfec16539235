import type { ArmTelemetry, BaselineSample, HourOfHistory } from '@theseus/core/health';
import type { Signal } from '@theseus/core/plan';

/** What a signal did over a time before anything moved. */
export interface SignalHistory {
  /** Over the whole time, in the signal's unit. */
  readonly value: number;
  /** The time that was really covered, epoch milliseconds. */
  readonly over: { readonly from: number; readonly to: number };
  readonly sample?: BaselineSample;
  readonly source: string;
  readonly query?: string;
  /** Hour by hour; null where the source has no memory. */
  readonly hours: readonly HourOfHistory[] | null;
}

/** `problem` says for people why there is nothing. */
export type HistoryAnswer =
  | { readonly kind: 'history'; readonly history: SignalHistory }
  | { readonly kind: 'unreadable'; readonly problem: string };

export interface HistoryRequest {
  readonly runId: string;
  readonly environment: string;
  readonly signal: Signal;
  /** Asked one by one where the source is asked for a flag. */
  readonly flags: readonly string[];
  /** Epoch milliseconds; `to` is now. */
  readonly from: number;
  readonly to: number;
}

/** What is known for a flag; null is what belongs to none. */
export interface FlagHistory {
  readonly flag: string | null;
  readonly answer: HistoryAnswer;
}

/** Reads what a signal that is no telemetry did. Never rejects. */
export type ReadHistory = (request: HistoryRequest) => Promise<readonly FlagHistory[]>;

/** What SDKs counted in one hour. */
export interface HourOfTelemetry {
  /** When the hour began, epoch milliseconds. */
  readonly at: number;
  readonly legacy: ArmTelemetry;
  readonly candidateRequests: number;
}

/** Where telemetry is kept. */
export interface TelemetryHistories {
  /** Since when the flag's traffic is known at all, epoch milliseconds; null where it is not. */
  reach(flag: string, environment: string): Promise<number | null>;
  /** The hours with traffic, oldest first. */
  hours(flag: string, environment: string, span: HistorySpan): Promise<readonly HourOfTelemetry[]>;
}

/** After `from`, up to `to`; epoch milliseconds. */
export interface HistorySpan {
  readonly from: number;
  readonly to: number;
}

/** Where reported values are kept. */
export interface ReportedHistories {
  /** What was reported for this run or for any, and for no flag of its own, oldest first. */
  reports(
    signal: string,
    of: HistorySpan & { readonly runId: string; readonly environment: string },
  ): Promise<readonly HourOfReports[]>;
}

/** Reports of one hour. */
export interface HourOfReports {
  /** When the hour began, epoch milliseconds. */
  readonly at: number;
  readonly sum: number;
  readonly count: number;
  readonly oldestAt: number;
  readonly newestAt: number;
}
