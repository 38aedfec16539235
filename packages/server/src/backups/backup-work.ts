import type { FillSecrets } from '../secrets/fill-secrets.ts';

export interface BackupSettings {
  /** Where backups lie; undefined where this worker makes none. */
  readonly folder: string | undefined;
  /** Where pg_dump and pg_restore are; on the PATH unless given. */
  readonly toolsFolder: string | undefined;
  readonly fillSecrets: FillSecrets;
  readonly now: () => number;
}

/** One backup that is being made, proved or put back. */
export interface BackupWork extends BackupSettings {
  readonly folder: string;
  /** The same for every attempt at the effect. */
  readonly idempotencyKey: string;
  /** Aborted at the step's time-out, and when the worker stops. */
  readonly signal: AbortSignal;
}
