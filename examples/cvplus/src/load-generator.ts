import { nextPace, type PaceLimits, pagesDue, quantileOf } from './pacing.ts';
import type { ServiceClient } from './service-client.ts';

/** What users have seen so far. */
export interface LoadCounts {
  readonly served: number;
  readonly failed: number;
  /** Due but not asked for, because the machine could not keep up. No user saw these. */
  readonly skipped: number;
  /** Pages a second at present. */
  readonly pace: number;
  /** Of the last interval; null when no page was answered in it. */
  readonly latencyP95Ms: number | null;
  /** The first failures, for people who look for the cause. */
  readonly failures: readonly string[];
}

export interface LoadOptions {
  readonly client: ServiceClient;
  readonly frontUrl: string;
  readonly pick: () => string;
  readonly limits: PaceLimits;
}

const TICK_MS = 20;
const INTERVAL_MS = 1_000;
const IN_FLIGHT_LIMIT = 150;
const FAILURES_KEPT = 10;

/** Asks for pages as users would: at its own pace, whether or not the earlier ones were answered. */
export class LoadGenerator {
  readonly #options: LoadOptions;
  readonly #failures: string[] = [];
  readonly #timers: NodeJS.Timeout[] = [];
  #latencies: number[] = [];
  #pace: number;
  #carried = 0;
  #lastTick = 0;
  #served = 0;
  #failed = 0;
  #skipped = 0;
  #skippedBefore = 0;
  #inFlight = 0;
  #latencyP95Ms: number | null = null;
  #whenIdle: (() => void) | undefined;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#pace = options.limits.target / 2;
  }

  get counts(): LoadCounts {
    return {
      served: this.#served,
      failed: this.#failed,
      skipped: this.#skipped,
      pace: this.#pace,
      latencyP95Ms: this.#latencyP95Ms,
      failures: this.#failures,
    };
  }

  /** Begins; `onInterval` is called about once a second. */
  start(onInterval: (counts: LoadCounts) => void): void {
    this.#lastTick = performance.now();
    this.#timers.push(setInterval(() => this.#tick(), TICK_MS));
    this.#timers.push(
      setInterval(() => {
        this.#endInterval();
        onInterval(this.counts);
      }, INTERVAL_MS),
    );
  }

  /** Asks for no more pages, and resolves when every one that was asked for is answered. */
  async stop(): Promise<LoadCounts> {
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    if (this.#inFlight > 0) await new Promise<void>((resolve) => (this.#whenIdle = resolve));
    return this.counts;
  }

  #tick(): void {
    const now = performance.now();
    const { pages, carried } = pagesDue(this.#pace, now - this.#lastTick, this.#carried);
    this.#lastTick = now;
    this.#carried = carried;
    for (let page = 0; page < pages; page += 1) {
      if (this.#inFlight >= IN_FLIGHT_LIMIT) this.#skipped += 1;
      else void this.#askForPage(this.#options.pick());
    }
  }

  #endInterval(): void {
    this.#latencyP95Ms = quantileOf(this.#latencies, 0.95);
    const seen = { latencyMs: this.#latencyP95Ms, skipped: this.#skipped - this.#skippedBefore };
    this.#pace = nextPace(this.#pace, seen, this.#options.limits);
    this.#skippedBefore = this.#skipped;
    this.#latencies = [];
  }

  async #askForPage(user: string): Promise<void> {
    const { client, frontUrl } = this.#options;
    const beganMs = performance.now();
    this.#inFlight += 1;
    try {
      const { status, body } = await client.get(`${frontUrl}/page?user=${encodeURIComponent(user)}`);
      if (status === 200) this.#served += 1;
      else this.#fail(`${status} ${body.slice(0, 200)}`);
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
    }
    this.#latencies.push(performance.now() - beganMs);
    this.#inFlight -= 1;
    if (this.#inFlight === 0) this.#whenIdle?.();
  }

  #fail(why: string): void {
    this.#failed += 1;
    if (this.#failures.length < FAILURES_KEPT) this.#failures.push(why);
  }
}
