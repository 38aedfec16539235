/** Something that has so long and no longer. Its owner marks it when it is over; it costs no object of its own. */
export interface Timed {
  /** Set by {@link Deadlines.start}. */
  dueMs: number;
  /** Whether it has ended, in time or not. */
  isOver: boolean;
  /** Called once, when the time has passed and it is not over. */
  pass(): void;
}

const FORGOTTEN_AT_ONCE = 256;

/**
 * Deadlines without a timer each: those of one length pass in the order in which they began, so one timer for the first of them is
 * enough, however many calls are under way.
 */
export class Deadlines {
  readonly #now: () => number;
  readonly #lines = new Map<number, Line>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Gives it `limitMs` milliseconds from `beganMs` on. Does not keep the process alive. */
  start(limitMs: number, beganMs: number, timed: Timed): void {
    let line = this.#lines.get(limitMs);
    if (line === undefined) {
      line = new Line(this.#now, () => this.#lines.delete(limitMs));
      this.#lines.set(limitMs, line);
    }
    timed.dueMs = beganMs + limitMs;
    line.add(timed, limitMs);
  }
}

class Line {
  readonly #now: () => number;
  readonly #onEmpty: () => void;
  #entries: Timed[] = [];
  #first = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(now: () => number, onEmpty: () => void) {
    this.#now = now;
    this.#onEmpty = onEmpty;
  }

  add(timed: Timed, limitMs: number): void {
    this.#entries.push(timed);
    this.#forgetOver();
    if (this.#timer === undefined) this.#wait(limitMs);
  }

  /** Else all that ended in time would be kept until their deadline. */
  #forgetOver(): void {
    while (this.#entries[this.#first]?.isOver === true) this.#first += 1;
    if (this.#first < FORGOTTEN_AT_ONCE || this.#first * 2 < this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#first);
    this.#first = 0;
  }

  #wait(delayMs: number): void {
    this.#timer = setTimeout(() => this.#pass(), Math.max(1, delayMs));
    this.#timer.unref();
  }

  #pass(): void {
    this.#timer = undefined;
    const nowMs = this.#now();
    for (let timed = this.#entries[this.#first]; timed !== undefined; timed = this.#entries[this.#first]) {
      // A timer may fire a fraction of a millisecond early; that much is no reason to wait again.
      if (!timed.isOver && timed.dueMs > nowMs + 1) break;
      this.#first += 1;
      if (timed.isOver) continue;
      timed.isOver = true;
      timed.pass();
    }
    this.#entries = this.#entries.slice(this.#first);
    this.#first = 0;
    const next = this.#entries[0];
    if (next === undefined) this.#onEmpty();
    else this.#wait(next.dueMs - nowMs);
  }
}
