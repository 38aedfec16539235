import type { SubjectState } from '@theseus/core/wave';
import type { WaveOrder } from './wave-service.ts';

/** What a batch is taken for. */
export type BatchPurpose = 'migrate' | 'retry' | 'revalidate' | 'undo' | 'watch';

/** Some subjects of a wave that one worker has in hand, until its claim runs out. */
export interface WaveBatch {
  readonly waveId: number;
  readonly migrationId: number;
  readonly number: number;
  readonly purpose: BatchPurpose;
  readonly order: WaveOrder;
  readonly subjects: readonly LedgerSubject[];
  /** How often it was taken, from 1: a claim is this worker's only as long as nobody took it again. */
  readonly taken: number;
}

/** One subject as the ledger knows it. */
export interface LedgerSubject {
  /** In its wave, from 1. */
  readonly place: number;
  readonly key: string;
  readonly state: SubjectState;
  readonly attributes: Readonly<Record<string, boolean | number | string>>;
  /** Tries to migrate or to restore it that have ended badly. */
  readonly attempts: number;
  readonly isInvalid: boolean;
  readonly isConflict: boolean;
  /** An undo has begun to restore it: what it finds may be half of that. */
  readonly isRestoring: boolean;
  readonly saved: SavedBytes | null;
  /** SHA-256 of its data right after it was migrated. */
  readonly migratedHash: Uint8Array | null;
}

/** A saved state as it is stored, and its SHA-256. */
export interface SavedBytes {
  readonly bytes: Uint8Array;
  readonly isJson: boolean;
  readonly hash: Uint8Array;
}

/** What becomes of one subject. What is absent stays as it was. */
export interface SubjectChange {
  readonly key: string;
  readonly from: SubjectState;
  readonly to: SubjectState;
  readonly attempts?: number;
  /** Absent where it was not validated. */
  readonly isInvalid?: boolean;
  /** Whether it was invalid before. */
  readonly wasInvalid?: boolean;
  readonly isConflict?: boolean;
  readonly isRestoring?: boolean;
  readonly saved?: SavedBytes;
  readonly migratedHash?: Uint8Array | null;
  readonly scores?: Readonly<Record<string, number>>;
  /** Why; null takes it back. */
  readonly reason?: string | null;
}

/** Subjects that are to be taken in hand again, or later. */
export interface FollowUpBatch {
  readonly purpose: BatchPurpose;
  readonly keys: readonly string[];
  readonly inMs: number;
}

/** How a batch ended. */
export interface BatchEnd {
  readonly followUps: readonly FollowUpBatch[];
}

/** The ledger, as a worker sees it. */
export interface WaveLedger {
  /** A batch that is due, or null where there is none that this worker may take. */
  take(worker: string, canHandle: (order: WaveOrder) => boolean): Promise<WaveBatch | null>;
  /** Keeps a claim alive; false where another worker has taken the batch. */
  hold(batch: WaveBatch, worker: string): Promise<boolean>;
  /**
   * Writes what became of subjects, their flags with them, and ends the batch where `end` is given. False, and nothing is
   * written, where the claim is lost.
   */
  record(batch: WaveBatch, worker: string, changes: readonly SubjectChange[], end?: BatchEnd): Promise<boolean>;
  /** Gives a batch back, to be taken again in so long. */
  release(batch: WaveBatch, worker: string, inMs: number): Promise<void>;
}

/** Whose membership changed with a mark: the flag of the migration answers otherwise from then on. */
export interface MemberChange {
  readonly environment: string;
  readonly migration: string;
  readonly added: readonly string[];
  readonly removed: readonly string[];
}
