import type { TelemetryBatch } from '@theseus/core/health';

export interface InstanceView {
  readonly instance: string;
  readonly service: string;
  readonly servedVersion: number;
  /** Epoch milliseconds. */
  readonly lastSeen: number;
}

export interface ArmTotals {
  readonly requests: number;
  readonly errors: number;
  readonly fallbacks: number;
}

/** Takes in what SDK instances report. */
export interface TelemetryService {
  /** Adds what is new in the batch. Safe to repeat. */
  receive(batch: TelemetryBatch): Promise<void>;
  instances(): Promise<readonly InstanceView[]>;
  /** All requests ever counted, by flag and arm. */
  totals(): Promise<Readonly<Record<string, { readonly legacy: ArmTotals; readonly candidate: ArmTotals }>>>;
  /** Keeps a value that a person or program reports for a signal. */
  report(value: ReportedValue): Promise<void>;
}

export interface ReportedValue {
  readonly signal: string;
  readonly flag: string | null;
  readonly runId: string | null;
  readonly value: number;
  readonly by: string;
}
