/**
 * The time of each run. Servers' clocks differ, and no event is dated before the one it follows: behind a server whose
 * clock was ahead a run's time goes on from there, instead of standing still until this clock has caught up.
 */
export class RunClocks {
  readonly #clock: () => number;
  readonly #aheadMs = new Map<string, number>();

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  /** Takes in when (epoch ms) the run's last event was. */
  saw(runId: string, lastAt: number): void {
    const aheadMs = lastAt - this.#clock();
    if (aheadMs > this.aheadMs(runId)) this.#aheadMs.set(runId, aheadMs);
  }

  /** By how much the run's time is ahead of this server's clock. */
  aheadMs(runId: string): number {
    return this.#aheadMs.get(runId) ?? 0;
  }

  /** Epoch milliseconds, by the run. */
  now(runId: string): number {
    return this.#clock() + this.aheadMs(runId);
  }

  forget(runId: string): void {
    this.#aheadMs.delete(runId);
  }
}
