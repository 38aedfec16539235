/** Something that has so long and no longer. Made by {@link Deadlines.start}. */
export interface Deadline {
  /** To be called when it is no longer needed; twice does no harm. */
  end(): void;
}

const FORGOTTEN_AT_ONCE = 256;

interface Entry extends Deadline {
  dueMs: number;
  onPassed: (() => void) | undefined;
}

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

  /** Calls back once when `limitMs` have passed, unless it was ended before. Does not keep the process alive. */
  start(limitMs: number, onPassed: () => void): Deadline {
    let line = this.#lines.get(limitMs);
    if (line === undefined) {
      line = new Line(limitMs, this.#now, () => this.#lines.delete(limitMs));
      this.#lines.set(limitMs, line);
    }
    return line.add(onPassed);
  }
}

class Line {
  readonly #limitMs: number;
  readonly #now: () => number;
  readonly #onEmpty: () => void;
  #entries: Entry[] = [];
  #first = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(limitMs: number, now: () => number, onEmpty: () => void) {
    this.#limitMs = limitMs;
    this.#now = now;
    this.#onEmpty = onEmpty;
  }

  add(onPassed: () => void): Deadline {
    const entry: Entry = { dueMs: this.#now() + this.#limitMs, onPassed, end: endEntry };
    this.#entries.push(entry);
    this.#forgetEnded();
    if (this.#timer === undefined) this.#wait(this.#limitMs);
    return entry;
  }

  /** Else all that ended in time would be kept until their deadline. */
  #forgetEnded(): void {
    while (this.#entries[this.#first]?.onPassed === undefined) this.#first += 1;
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
    for (let entry = this.#entries[this.#first]; entry !== undefined; entry = this.#entries[this.#first]) {
      // A timer may fire a fraction of a millisecond early; that much is no reason to wait again.
      if (entry.onPassed !== undefined && entry.dueMs > nowMs + 1) break;
      this.#first += 1;
      const { onPassed } = entry;
      entry.onPassed = undefined;
      onPassed?.();
    }
    this.#entries = this.#entries.slice(this.#first);
    this.#first = 0;
    const next = this.#entries[0];
    if (next === undefined) this.#onEmpty();
    else this.#wait(next.dueMs - nowMs);
  }
}

function endEntry(this: Entry): void {
  this.onPassed = undefined;
}
