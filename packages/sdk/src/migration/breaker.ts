import { EXPOSURE_WHOLE } from '@theseus/core/flag';

/** How many of the last calls are looked at. */
const WINDOW = 100;
/** With fewer calls than this nothing is decided. */
const CALLS_LEAST = 20;
/** So many probes in a row have to succeed before everybody is let through again. */
const PROBES_TO_CLOSE = 3;
/** A probe that has not ended after so long is forgotten: with no deadline it might never end. */
const PROBE_MOST_MS = 30_000;
const REST_FIRST_MS = 1_000;
const REST_MOST_MS = 60_000;

export type BreakerPhase = 'closed' | 'open' | 'half-open';

/** A breaker as JSON. Moments are left out: a rest is what remains of it. */
export interface BreakerState {
  readonly phase: BreakerPhase;
  /** The last results, the oldest first: 1 is a failure. */
  readonly results: readonly number[];
  readonly restLeftMs: number;
  /** How often it has opened since it last closed. */
  readonly openings: number;
}

/**
 * Keeps calls away from a side that fails too often. Looks at the last {@link WINDOW} calls; opens when more than the share of them
 * failed; lets single probes through after a rest that grows, with jitter, from a second to a minute. A call costs one slot of a ring.
 */
export class Breaker {
  readonly #random: () => number;
  readonly #ring = new Uint8Array(WINDOW);
  #next = 0;
  #filled = 0;
  #failures = 0;
  #phase: BreakerPhase = 'closed';
  #restUntilMs = 0;
  #openings = 0;
  #succeededProbes = 0;
  /** When the probe under way began; undefined while there is none. */
  #probeBeganMs: number | undefined;
  #halfOpenSinceMs = 0;

  /** @param random from 0 up to but not including 1 */
  constructor(random: () => number) {
    this.#random = random;
  }

  get phase(): BreakerPhase {
    return this.#phase;
  }

  /** Whether a call may be made now. Where it may, {@link record} must be told what came of it: it may be a probe. */
  admits(nowMs: number): boolean {
    if (this.#phase === 'closed') return true;
    if (this.#phase === 'open') {
      if (nowMs < this.#restUntilMs) return false;
      this.#phase = 'half-open';
      this.#halfOpenSinceMs = nowMs;
      this.#succeededProbes = 0;
      this.#probeBeganMs = undefined;
    }
    if (this.#probeBeganMs !== undefined && nowMs - this.#probeBeganMs < PROBE_MOST_MS) return false;
    this.#probeBeganMs = nowMs;
    return true;
  }

  /**
   * @param breakAbove the share of failures above which it opens, in parts of EXPOSURE_WHOLE
   * @param beganMs when the call began that has ended at `nowMs`
   */
  record(outcome: 'answered' | 'failed', breakAbove: number, beganMs: number, nowMs: number): void {
    if (this.#phase !== 'closed') {
      // What began before it opened says nothing new.
      if (this.#phase === 'half-open' && beganMs >= this.#halfOpenSinceMs) this.#recordProbe(outcome, nowMs);
      return;
    }
    const failed = outcome === 'failed' ? 1 : 0;
    if (this.#filled === WINDOW) this.#failures -= this.#ring[this.#next] as number;
    else this.#filled += 1;
    this.#ring[this.#next] = failed;
    this.#failures += failed;
    this.#next = (this.#next + 1) % WINDOW;
    if (failed === 1 && this.#isTooMany(breakAbove)) this.#open(nowMs);
  }

  toState(nowMs: number): BreakerState {
    const oldest = this.#filled === WINDOW ? this.#next : 0;
    return {
      phase: this.#phase,
      results: Array.from({ length: this.#filled }, (_, at) => this.#ring[(oldest + at) % WINDOW] as number),
      restLeftMs: this.#phase === 'open' ? Math.max(0, this.#restUntilMs - nowMs) : 0,
      openings: this.#openings,
    };
  }

  /** Goes on from a state that {@link isBreakerState} has checked. */
  restore({ phase, results, restLeftMs, openings }: BreakerState, nowMs: number): void {
    this.#forget();
    for (const failed of results) {
      this.#ring[this.#next] = failed;
      this.#failures += failed;
      this.#next = (this.#next + 1) % WINDOW;
    }
    this.#filled = results.length;
    // Half open is open with its rest over: the next call is a probe either way.
    this.#phase = phase === 'closed' ? 'closed' : 'open';
    this.#restUntilMs = nowMs + restLeftMs;
    this.#openings = openings;
  }

  #recordProbe(outcome: 'answered' | 'failed', nowMs: number): void {
    this.#probeBeganMs = undefined;
    if (outcome === 'failed') return this.#open(nowMs);
    this.#succeededProbes += 1;
    if (this.#succeededProbes < PROBES_TO_CLOSE) return;
    this.#phase = 'closed';
    this.#openings = 0;
    this.#forget();
  }

  #isTooMany(breakAbove: number): boolean {
    return this.#filled >= CALLS_LEAST && this.#failures * EXPOSURE_WHOLE > breakAbove * this.#filled;
  }

  #open(nowMs: number): void {
    const bound = Math.min(REST_MOST_MS, REST_FIRST_MS * 2 ** Math.min(this.#openings, 30));
    this.#phase = 'open';
    this.#openings += 1;
    // Never less than half of the bound: a rest of nothing would be no rest.
    this.#restUntilMs = nowMs + (bound / 2) * (1 + this.#random());
  }

  #forget(): void {
    this.#ring.fill(0);
    this.#next = 0;
    this.#filled = 0;
    this.#failures = 0;
    this.#probeBeganMs = undefined;
  }
}

export function isBreakerState(value: unknown): value is BreakerState {
  if (typeof value !== 'object' || value === null) return false;
  const { phase, results, restLeftMs, openings } = value as Record<keyof BreakerState, unknown>;
  if (phase !== 'closed' && phase !== 'open' && phase !== 'half-open') return false;
  if (!Array.isArray(results) || results.length > WINDOW) return false;
  if (!results.every((result) => result === 0 || result === 1)) return false;
  if (typeof restLeftMs !== 'number' || !(restLeftMs >= 0 && restLeftMs <= REST_MOST_MS)) return false;
  return Number.isSafeInteger(openings) && (openings as number) >= 0;
}
