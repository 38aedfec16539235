import type { Signal } from '@theseus/core/plan';

/** What one reading is wanted for. */
export interface ReadingRequest {
  readonly runId: string;
  /** Only what was measured here counts. */
  readonly environment: string;
  readonly signal: Signal;
  /** The flag whose traffic is judged; null for signals that belong to no flag. */
  readonly flag: string | null;
  /** Telemetry older than this does not count: the moment the present exposure was set. */
  readonly since: number;
  readonly now: number;
}
