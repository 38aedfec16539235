import { randomUUID } from 'node:crypto';
import { errorText } from '@theseus/core/error';
import type { RepairTelemetry } from '@theseus/core/health';
import type { LogGate } from '../log-gate.ts';
import { Lanes } from './lanes.ts';
import type { PendingRepair, Repair, RepairLine, RepairOutcome, RepairQueue } from './repair-queue.ts';

const RETRY_FIRST_MS = 500;
const RETRY_MOST_MS = 60_000;
/** With half a minute between attempts on average, about eight hours: an outage passes, a write that is never taken does not. */
export const ATTEMPTS_MOST = 1_000;
const REPAIRS_AT_ONCE = 8;

/** What doing a repair came to, where it did not throw. */
export type Repaired =
  | { readonly kind: 'done' }
  | { readonly kind: 'left'; readonly payload: unknown; readonly error: unknown }
  /** It may have been done, and must not be done twice: a person has to see to it. */
  | { readonly kind: 'given-up'; readonly error: unknown };

/** Does a repair of one operation. Throws where nothing of it could be done. */
export type RepairHandler = (repair: Repair) => Promise<Repaired>;

export interface RepairsOptions {
  readonly queue: RepairQueue;
  readonly log: LogGate;
  readonly random: () => number;
  /** Milliseconds that only grow. */
  readonly now: () => number;
  readonly attemptsMost?: number;
}

/**
 * Repeats what is in a queue until it is done, with back-off and jitter, one repair of a line at a time and in its order. Writes of the same
 * subject take the same lane, so that none overtakes a repair that began before it.
 */
export class Repairs {
  readonly #options: RepairsOptions;
  readonly #handlers = new Map<string, RepairHandler>();
  readonly #changed = new Map<string, () => void>();
  /** Those that could not even be kept, by flag. */
  readonly #lost = new Map<string, number>();
  readonly #lanes = new Lanes();
  #underWay = 0;
  #timer: NodeJS.Timeout | undefined;
  #wakeAtMs = Number.POSITIVE_INFINITY;
  #isClosed = false;

  constructor(options: RepairsOptions) {
    this.#options = options;
  }

  /** Says how repairs of an operation are done; those that wait from an earlier life of the program begin at once. */
  handle(flag: string, operation: string, handler: RepairHandler, onChange: () => void): void {
    this.#handlers.set(handlerKey(flag, operation), handler);
    this.#changed.set(flag, onChange);
    this.#wakeIn(0);
  }

  size(flag: string): RepairTelemetry {
    const { pending, failed } = this.#options.queue.size(flag);
    return { pending, failed: failed + (this.#lost.get(flag) ?? 0) };
  }

  holds(line: RepairLine): boolean {
    return this.#options.queue.first(line) !== undefined;
  }

  isBusy(flag: string, key: string): boolean {
    return this.#lanes.isBusy(laneOf(flag, key));
  }

  /** Runs a task when nothing else of the key is under way in this process, repairs included. */
  run<T>(flag: string, key: string, task: () => Promise<T>): Promise<T> {
    return this.#lanes.run(laneOf(flag, key), task);
  }

  /**
   * Keeps a repair, for a person only where it is `givenUp`. Returns its id; undefined, with a line in the log, where it could not be kept: it
   * then counts as failed for the life of this program.
   */
  async add(repair: Omit<Repair, 'id'>, options?: { readonly givenUp?: boolean }): Promise<string | undefined> {
    const { log } = this.#options;
    const { flag, side } = repair;
    try {
      const id = await this.keep(repair, options);
      log.recovered(`repairs ${flag}`, `Repairs of the flag '${flag}' are kept again`);
      return id;
    } catch (error) {
      this.#lost.set(flag, (this.#lost.get(flag) ?? 0) + 1);
      const what = `a ${repair.kind} of the flag '${flag}' that the ${side} side lacks`;
      log.trouble(`repairs ${flag}`, `Cannot keep ${what}: ${errorText(error)}`, error);
      this.#changed.get(flag)?.();
      return undefined;
    }
  }

  /** As {@link add}. @throws whatever the queue throws when it cannot keep the repair */
  async keep(repair: Omit<Repair, 'id'>, options?: { readonly givenUp?: boolean }): Promise<string> {
    const id = randomUUID();
    await this.#options.queue.add({ id, ...repair }, options);
    this.#wakeIn(this.#options.random() * RETRY_FIRST_MS);
    this.#changed.get(repair.flag)?.();
    return id;
  }

  /** @throws whatever the queue throws when it cannot note that the repair is done */
  async done(repair: Pick<Repair, 'id' | 'flag'>): Promise<void> {
    await this.#options.queue.done(repair.id);
    this.#changed.get(repair.flag)?.();
  }

  /** Puts off what is left of a repair that was tried, inside its lane. */
  async left(repair: Repair, rest: { readonly payload: unknown; readonly error: unknown }): Promise<void> {
    await this.#putOff(repair, 0, { kind: 'left', ...rest });
  }

  /** Tries all repairs of a line, now; inside its lane only. Whether none is left. */
  async drain(line: RepairLine): Promise<boolean> {
    for (let next = this.#options.queue.first(line); next !== undefined; next = this.#options.queue.first(line)) {
      if (!(await this.#attempt(next))) return false;
    }
    return true;
  }

  /** Begins no more repairs, and waits for those under way. The queue stays open: it is its owner's. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#lanes.idle();
  }

  readonly #mayBeTaken = (repair: Repair): boolean =>
    this.#handlers.has(handlerKey(repair.flag, repair.operation)) && !this.isBusy(repair.flag, repair.key);

  #wakeIn(delayMs: number): void {
    const wakeAtMs = this.#options.now() + delayMs;
    // What keeps coming must not put off what is due.
    if (this.#isClosed || wakeAtMs >= this.#wakeAtMs) return;
    clearTimeout(this.#timer);
    this.#wakeAtMs = wakeAtMs;
    this.#timer = setTimeout(() => this.#takeDue(), Math.max(1, delayMs));
    this.#timer.unref();
  }

  #takeDue(): void {
    const { queue, now } = this.#options;
    this.#wakeAtMs = Number.POSITIVE_INFINITY;
    while (!this.#isClosed && this.#underWay < REPAIRS_AT_ONCE) {
      const due = queue.take(now(), this.#mayBeTaken);
      if (due === undefined) break;
      this.#underWay += 1;
      // Its lane is free, so it begins at once and is still the first of its line.
      void this.run(due.repair.flag, due.repair.key, () => this.#attempt(due)).finally(() => {
        this.#underWay -= 1;
        this.#takeDue();
      });
    }
    if (this.#underWay > 0) return;
    const nextMs = queue.nextDueMs(this.#hasHandler);
    if (nextMs !== undefined) this.#wakeIn(Math.max(RETRY_FIRST_MS / 10, nextMs - now()));
  }

  readonly #hasHandler = (repair: Repair): boolean => this.#handlers.has(handlerKey(repair.flag, repair.operation));

  /** Whether it is out of the queue now, done or given up. */
  async #attempt({ repair, attempts }: PendingRepair): Promise<boolean> {
    const handler = this.#handlers.get(handlerKey(repair.flag, repair.operation));
    if (handler === undefined) return false;
    let repaired: Repaired;
    try {
      repaired = await handler(repair);
    } catch (error) {
      repaired = { kind: 'left', payload: repair.payload, error };
    }
    if (repaired.kind === 'done') return this.#note(() => this.done(repair));
    return this.#putOff(repair, attempts, repaired);
  }

  async #putOff(repair: Repair, attempts: number, left: Exclude<Repaired, { kind: 'done' }>): Promise<boolean> {
    const { queue, log, random, now, attemptsMost = ATTEMPTS_MOST } = this.#options;
    const isGivenUp = left.kind === 'given-up' || attempts + 1 >= attemptsMost;
    const again = isGivenUp ? 'kept for a person' : 'to be tried again';
    const what = `Cannot repair the ${repair.side} side of the flag '${repair.flag}', ${again}: ${errorText(left.error)}`;
    log.trouble(`repair ${repair.flag}`, what, left.error);
    const bound = Math.min(RETRY_MOST_MS, RETRY_FIRST_MS * 2 ** Math.min(attempts, 30));
    const change = left.kind === 'given-up' || left.payload === repair.payload ? {} : { payload: left.payload };
    const retryAtMs = now() + random() * bound;
    const outcome: RepairOutcome = isGivenUp ? { kind: 'given-up' } : { kind: 'again', retryAtMs, ...change };
    const isNoted = await this.#note(() => queue.failed(repair.id, outcome));
    this.#changed.get(repair.flag)?.();
    this.#wakeIn(retryAtMs - now());
    return isNoted && isGivenUp;
  }

  /** A queue that cannot write down what became of a repair repeats it after a restart, which does no harm. */
  async #note(write: () => Promise<void>): Promise<boolean> {
    try {
      await write();
      return true;
    } catch (error) {
      this.#options.log.trouble('repair queue', `Cannot note what became of a repair: ${errorText(error)}`, error);
      return false;
    }
  }
}

function handlerKey(flag: string, operation: string): string {
  return `${flag}\n${operation}`;
}

function laneOf(flag: string, key: string): string {
  return `${flag}\n${key}`;
}
