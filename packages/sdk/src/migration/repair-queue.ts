import type { Arm } from '@theseus/core/flag';
import type { RepairTelemetry } from '@theseus/core/health';

/** Something that one side still lacks: a write, or the rest of undoing an action. Plain JSON. */
export interface Repair {
  readonly id: string;
  readonly flag: string;
  /** The migration or action that knows how to do it. */
  readonly operation: string;
  readonly kind: 'write' | 'undo';
  readonly side: Arm;
  /** Repairs of one flag, side and key are done in the order in which they were added. */
  readonly key: string;
  readonly idempotencyKey: string;
  /** JSON. */
  readonly payload: unknown;
}

/** A repair that waits, and when it may be tried again. */
export interface PendingRepair {
  readonly repair: Repair;
  readonly attempts: number;
  /** By the clock that `take` is given. */
  readonly retryAtMs: number;
}

/** What a failed attempt leads to: another one, of what is then left to do, or none. */
export type RepairOutcome =
  | { readonly kind: 'again'; readonly retryAtMs: number; readonly payload?: unknown }
  | { readonly kind: 'given-up' };

/** The line a repair stands in. */
export type RepairLine = Pick<Repair, 'flag' | 'side' | 'key'>;

/**
 * Keeps repairs until they are done. `memoryRepairQueue()` loses them with the process; `openRepairJournal()` does not.
 * Whoever writes another one: what `add` has resolved must not be lost, and lines keep their order.
 */
export interface RepairQueue {
  /**
   * Resolves once the repair is kept as safely as this queue can. With `givenUp` it is kept for a person and never taken.
   *
   * @throws TheseusError `limit-exceeded` when there is no room, or what keeps the repair failed
   */
  add(repair: Repair, options?: { readonly givenUp?: boolean }): Promise<void>;
  /** The first of a line that is due and that `mayBeTaken`; it stays in the queue. */
  take(nowMs: number, mayBeTaken: (repair: Repair) => boolean): PendingRepair | undefined;
  /** The first of one line, due or not. */
  first(line: RepairLine): PendingRepair | undefined;
  /** Takes a repair out, also one that was given up. */
  done(id: string): Promise<void>;
  failed(id: string, outcome: RepairOutcome): Promise<void>;
  /** Of one flag, or of all. */
  size(flag?: string): RepairTelemetry;
  /** When the next one is due; undefined when none waits. */
  nextDueMs(mayBeTaken: (repair: Repair) => boolean): number | undefined;
  /** What waits for a person. */
  givenUp(): readonly Repair[];
  close(): Promise<void>;
}
