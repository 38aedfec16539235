import { type Assignment, type FlagVariant, isSampled, NO_VARIANT, THINNEST_SAMPLE } from '@theseus/core/flag';
import { type SubjectEvent, SubjectTable, type TakenSubjects } from './subject-table.ts';

/** Beyond so many users of one flag who wait to be sent, every other one is left out. */
export const PENDING_USERS_LIMIT = 20_000;
/** The same of all flags together: at 48 bytes each, 10 MB, and as much again while tables grow. */
export const PENDING_USERS_OF_ALL_LIMIT = 200_000;

/** What all flags of one client share. */
export interface UserLimits {
  readonly perFlag: number;
  readonly ofAll: number;
  pending: number;
}

export function userLimits(
  perFlag: number = PENDING_USERS_LIMIT,
  ofAll: number = PENDING_USERS_OF_ALL_LIMIT,
): UserLimits {
  return { perFlag, ofAll, pending: 0 };
}

const QUIET: SubjectEvent = { requests: 1, errors: 0, body: 0, tail: 0 };
const EXPOSED: SubjectEvent = { requests: 0, errors: 0, body: 0, tail: 0 };

/** As many digits as a count may have. */
const LARGEST_COUNT = 1_000_000;

/**
 * What single users of one flag did since it was last sent. Bounded: when too many wait, it goes on with every second
 * of them by hash, so that whoever is in the sample is still counted without a gap.
 */
export class PendingUsers {
  readonly #table = new SubjectTable();
  readonly #limits: UserLimits;
  #epoch = 0;
  #split = 0;
  #level = 0;
  /** Those of the epoch: it ends when they change. */
  #variants: readonly FlagVariant[] = [];

  constructor(limits: UserLimits) {
    this.#limits = limits;
  }

  /** How many wait. */
  get size(): number {
    return this.#table.size;
  }

  /** Counts one request. */
  count(assignment: Assignment, latencyMs: number, isFailed: boolean): void {
    const { marks } = assignment.definition;
    const isSlow = marks !== undefined && latencyMs >= marks.bodyMs;
    if (!isFailed && !isSlow) return this.#add(assignment, QUIET);
    this.#add(assignment, {
      requests: 1,
      errors: isFailed ? 1 : 0,
      body: isSlow ? 1 : 0,
      tail: marks !== undefined && latencyMs >= marks.tailMs ? 1 : 0,
    });
  }

  /** Notes that a subject was told its variant, without a request whose end could be counted. */
  expose(assignment: Assignment): void {
    this.#add(assignment, EXPOSED);
  }

  #add(assignment: Assignment, event: SubjectEvent): void {
    const { subject, epoch } = assignment;
    // Whoever is not compared, or has no name, is nobody who could be met again.
    if (subject < 0 || epoch < this.#epoch) return;
    if (epoch > this.#epoch) this.#beginAnew(assignment);
    while (isSampled(subject, this.#level)) {
      const before = this.#table.size;
      const isCounted = this.#table.count(assignment, event, this.#hasRoom);
      this.#limits.pending += this.#table.size - before;
      if (isCounted || this.#level === THINNEST_SAMPLE) return;
      this.#resize(() => this.#table.thin(this.#level + 1));
      this.#level += 1;
    }
  }

  /** Takes out what fits into so many characters, as JSON of `FlagUsers`. */
  take(limit: number): string {
    const split = this.#split === this.#epoch ? '' : `"split":${this.#split},`;
    const frame = `{"epoch":${this.#epoch},${split}"level":${this.#level},"legacy":[`;
    const names = this.#variants.map(({ name }) => `["${name}",${LARGEST_COUNT}]`).join(',');
    const taken = this.#resize(() => this.#table.take(limit - frame.length - names.length));
    return `${frame}${taken.legacy}],"candidate":[${taken.candidate}]${this.#told(taken)}}`;
  }

  #told({ variants }: TakenSubjects): string {
    if (this.#variants.length === 0) return '';
    const counts = this.#variants.map(({ name }, at) => [name, variants[at - NO_VARIANT] ?? 0]);
    return `,"variants":${JSON.stringify(counts)}`;
  }

  readonly #hasRoom = (): boolean =>
    this.#table.size < this.#limits.perFlag && this.#limits.pending < this.#limits.ofAll;

  /** What was counted under an older split says nothing about this one. */
  #beginAnew({ epoch, split, definition: { variants = [] } }: Assignment): void {
    this.#resize(() => this.#table.clear());
    this.#epoch = epoch;
    this.#split = split;
    this.#variants = variants;
    this.#level = 0;
  }

  #resize<Result>(change: () => Result): Result {
    const before = this.#table.size;
    const result = change();
    this.#limits.pending += this.#table.size - before;
    return result;
  }
}
