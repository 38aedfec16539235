/** Whom a migration is about: a key, and what they are chosen by. */
export interface Subject {
  /** Unique in the migration; what its flag is bucketed by. */
  readonly key: string;
  /** Compared by segments and strata; kept in the ledger, so nothing private belongs here. */
  readonly attributes?: Readonly<Record<string, boolean | number | string>>;
}

/** What a handler is given with each call. */
export interface HandlerContext {
  /** Nothing may be changed: say what would be. */
  readonly dryRun: boolean;
  /** Aborted at the deadline, and when the worker stops. */
  readonly signal: AbortSignal;
  /** Epoch milliseconds: what has not answered by then counts as failed. */
  readonly deadline: number;
  /** The same whenever the same work is asked for again: a target that knows it does nothing twice. */
  readonly idempotencyKey: string;
  /** From 1. */
  readonly attempt: number;
  /** One line, kept with the subject's history; never write secrets or personal data. */
  log(line: string): void;
}

/** A state of a subject's data: bytes are kept as they are, anything else as canonical JSON. */
export type SavedState = Uint8Array | JsonValue;

export type JsonValue = boolean | number | string | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** Whether a subject can be migrated at all: `skip` is for good, a thrown error is tried again. */
export type Check = { readonly outcome: 'go' } | { readonly outcome: 'skip'; readonly reason: string };

/** What a validation measured: shares from 0 to 1 by name (`dom: 0.98`), or plain numbers (`performance: 1.1`); the plan says what is enough. */
export interface Validation {
  readonly scores: Readonly<Record<string, number>>;
  /** What to look at, side by side, where it is bad: kept for the worst subjects of a wave. */
  readonly sides?: { readonly before: string; readonly after: string };
  readonly note?: string;
}

/** What would change, for `--dry-run --diff`: text from before and after. */
export interface Preview {
  readonly before: string;
  readonly after: string;
}

/**
 * How the data of one kind of subject is moved. Each function is about one subject; it may be called again after a crash, with the
 * same idempotency key.
 */
export interface DataMigration {
  /** All whom the migration may be about, streamed. Absent where the plan names another source. */
  readonly subjects?: (context: HandlerContext) => AsyncIterable<Subject>;
  readonly check?: (subject: Subject, context: HandlerContext) => Promise<Check>;
  /**
   * Everything that `migrate` may change, as it is at this moment: read before it, to be restored by an undo; after it, so that a
   * later change by somebody else shows; and after a restore, to prove that not a byte differs.
   */
  readonly save: (subject: Subject, context: HandlerContext) => Promise<SavedState>;
  readonly migrate: (subject: Subject, context: HandlerContext) => Promise<Preview | undefined>;
  /** Absent: what is migrated counts as valid. */
  readonly validate?: (subject: Subject, context: HandlerContext) => Promise<Validation>;
  readonly restore: (subject: Subject, saved: SavedState, context: HandlerContext) => Promise<void>;
}

/** How one subject of a batch fared. */
export type BatchOutcome<Value> = { readonly ok: Value } | { readonly error: string };

/** As {@link DataMigration}, for many subjects at a time; each answer holds one outcome for each subject, in their order. */
export interface BatchDataMigration {
  readonly subjects?: DataMigration['subjects'];
  readonly checkAll?: (
    subjects: readonly Subject[],
    context: HandlerContext,
  ) => Promise<readonly BatchOutcome<Check>[]>;
  readonly saveAll: (
    subjects: readonly Subject[],
    context: HandlerContext,
  ) => Promise<readonly BatchOutcome<SavedState>[]>;
  readonly migrateAll: (
    subjects: readonly Subject[],
    context: HandlerContext,
  ) => Promise<readonly BatchOutcome<Preview | undefined>[]>;
  readonly validateAll?: (
    subjects: readonly Subject[],
    context: HandlerContext,
  ) => Promise<readonly BatchOutcome<Validation>[]>;
  readonly restoreAll: (
    subjects: readonly { readonly subject: Subject; readonly saved: SavedState }[],
    context: HandlerContext,
  ) => Promise<readonly BatchOutcome<undefined>[]>;
}

export type MigrationHandler = BatchDataMigration | DataMigration;

/** Types a handler module's default export: `export default defineMigration({ save, migrate, restore })`. */
export function defineMigration<Handler extends MigrationHandler>(handler: Handler): Handler {
  return handler;
}
