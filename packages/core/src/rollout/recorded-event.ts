import type { RolloutEvent } from './event.ts';

/** An event as it stands in the log: numbered within its run from 1 and linked to the one before it. */
export interface RecordedEvent {
  readonly runId: string;
  readonly seq: number;
  readonly event: RolloutEvent;
  /** The hash of the event before; of the run's id for the first. */
  readonly previousHash: string;
  /** SHA-256 over run id, number, previous hash and the event's canonical JSON, as `sha256:<hex>`. */
  readonly hash: string;
}
