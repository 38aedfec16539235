import type { ArmComparison } from '@theseus/core/health';

export interface ComparisonRequest {
  readonly runId: string;
  readonly environment: string;
  /** The flag whose arms are compared. */
  readonly flag: string;
  /** When the attempt that is judged began, epoch ms: nothing older counts. */
  readonly since: number;
  readonly now: number;
}

/** Says what both arms of a flag have counted so far. What it cannot tell has no counts, and a problem. */
export interface ComparisonSource {
  compare(request: ComparisonRequest): Promise<ArmComparison>;
}
