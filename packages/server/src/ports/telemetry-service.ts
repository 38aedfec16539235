import type { TelemetryBatch } from '@theseus/core/health';

export interface InstanceView {
  readonly instance: string;
  readonly service: string;
  readonly environment: string;
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
  /** Of one environment, or of all. */
  instances(of?: { readonly environment?: string }): Promise<readonly InstanceView[]>;
  /** All requests ever counted in an environment, by flag and arm. */
  totals(
    environment: string,
  ): Promise<Readonly<Record<string, { readonly legacy: ArmTotals; readonly candidate: ArmTotals }>>>;
  /** Keeps a value that a person or program reports for a signal. */
  report(value: ReportedValue): Promise<void>;
}

export interface ReportedValue {
  readonly signal: string;
  readonly flag: string | null;
  readonly runId: string | null;
  /** Null counts in every environment. */
  readonly environment: string | null;
  readonly value: number;
  /** What it was counted from, such as the people asked; null where nobody says. */
  readonly sample: number | null;
  readonly by: string;
}

/** A value as it stands: who said it when. */
export interface ReportedNow extends Pick<ReportedValue, 'value' | 'sample' | 'by'> {
  /** Epoch milliseconds. */
  readonly at: number;
}
