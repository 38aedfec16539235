/**
 * Since when this server has been able to hear others without a break. While the database was away, or the process stood
 * still, nobody could be heard: their silence from that time says nothing about them.
 */
export class Hearing {
  readonly #clock: () => number;
  readonly #longestGapMs: number;
  #since: number;
  #last: number;

  constructor(clock: () => number, longestGapMs: number) {
    this.#clock = clock;
    this.#longestGapMs = longestGapMs;
    this.#since = clock();
    this.#last = this.#since;
  }

  /** The database has answered just now. */
  heard(): void {
    const now = this.#clock();
    if (now - this.#last > this.#longestGapMs) this.#since = now;
    this.#last = now;
  }

  /** Epoch milliseconds; null while it is not known whether others can be heard. */
  get since(): number | null {
    return this.#clock() - this.#last > this.#longestGapMs ? null : this.#since;
  }
}
