import type { ArmComparison, LatencyFactors } from '@theseus/core/health';

export interface ComparisonRequest {
  readonly flag: string;
  readonly environment: string;
  /** Epoch milliseconds. */
  readonly now: number;
  /** When no SDK has reported for longer than this, nobody can tell. */
  readonly freshForMs: number;
  /** What the marks of latency are moved up by. */
  readonly factors: LatencyFactors;
  /** Segments as the plan names them, in the order in which they are wanted; all of the flag's strata unless given. */
  readonly segments?: readonly string[];
}

/** What both arms of a flag have counted, for a judge. */
export interface ComparisonSource {
  /** Never says that nothing happened where nobody can tell: `problem` says why, and the counts are then null. */
  compare(request: ComparisonRequest): Promise<ArmComparison>;
}
