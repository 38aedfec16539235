import type { Reading } from '@theseus/core/health';
import type { Signal } from '@theseus/core/plan';

/** What one reading is wanted for. */
export interface ReadingRequest {
  readonly runId: string;
  readonly signal: Signal;
  /** The flag whose traffic is judged; null for signals that belong to no flag. */
  readonly flag: string | null;
  /** Telemetry older than this does not count: the moment the present exposure was set. */
  readonly since: number;
  readonly now: number;
}

/**
 * Reads one kind of signal. Never rejects: a source that cannot be asked answers with status `error`, one that
 * answers nothing usable (NaN, an empty result) with `no-data`.
 */
export interface SignalSource {
  read(request: ReadingRequest): Promise<Reading>;
}
