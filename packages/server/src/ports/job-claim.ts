import type { Queryable } from './database.ts';

/** The right of one worker to one job. It passes to another worker when this one is not heard of for too long. */
export interface JobClaim {
  /** Aborted when this process stops. */
  readonly stopping: AbortSignal;
  /** Whether the job is still this worker's; asked in a transaction, as the database sees it there. */
  isHeld(queryable: Queryable): Promise<boolean>;
}
