import type { Metric, MetricComparison, PastComparison } from '@theseus/core/health';

export interface MetricRequest {
  /** Only as long as the flag is this run's: a newer run measures something else. */
  readonly runId: string;
  readonly environment: string;
  readonly flag: string;
  readonly metrics: readonly Metric[];
}

export interface MetricReading {
  /** One for each metric, in their order. */
  readonly comparisons: readonly MetricComparison[];
  /** When an SDK of the environment was last heard of, in epoch milliseconds; null where none ever was. */
  readonly heardAt: number | null;
}

/** What users of each variant of a flag have reached. */
export interface MetricSource {
  compare(request: MetricRequest): Promise<MetricReading>;
  /** The same of earlier exposures of the run, as they stood when they ended; the oldest first. */
  past(request: MetricRequest): Promise<readonly PastComparison[]>;
}
