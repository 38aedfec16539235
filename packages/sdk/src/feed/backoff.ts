/** Exponential back-off with full jitter: each wait is anywhere between nothing and a bound that doubles. */
export class Backoff {
  readonly #firstMs: number;
  readonly #mostMs: number;
  readonly #random: () => number;
  #attempt = 0;

  /** @param random from 0 up to but not including 1 */
  constructor(firstMs: number, mostMs: number, random: () => number) {
    this.#firstMs = firstMs;
    this.#mostMs = mostMs;
    this.#random = random;
  }

  /** How long to wait before the next attempt, in milliseconds. */
  nextMs(): number {
    const bound = Math.min(this.#mostMs, this.#firstMs * 2 ** this.#attempt);
    if (bound < this.#mostMs) this.#attempt += 1;
    return this.#random() * bound;
  }

  /** Begins anew after a success. */
  reset(): void {
    this.#attempt = 0;
  }
}
