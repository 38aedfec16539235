/** How fast pages may be asked for, and when to slow down. */
export interface PaceLimits {
  /** What is aimed at, pages a second. */
  readonly target: number;
  /** Never below: with less, the smallest exposures would see nobody for too long. */
  readonly least: number;
  /** Pages slower than this, at the 95th percentile, mean that the machine cannot keep up. */
  readonly slowMs: number;
}

/** What the last interval showed. */
export interface PaceObservation {
  /** 95th percentile of the pages answered; null when there were none. */
  readonly latencyMs: number | null;
  /** Pages that were due but not asked for, because too many were still unanswered. */
  readonly skipped: number;
}

const SLOWER = 0.8;
const FASTER_SHARE_OF_TARGET = 0.05;

/**
 * The pace of the next interval: down by a fifth when pages get slow or pile up, else back up in small steps, so that a
 * weak machine finds a pace it can keep and a strong one stays at the target.
 */
export function nextPace(pace: number, seen: PaceObservation, limits: PaceLimits): number {
  const overloaded = seen.skipped > 0 || (seen.latencyMs !== null && seen.latencyMs > limits.slowMs);
  const wanted = overloaded ? pace * SLOWER : pace + limits.target * FASTER_SHARE_OF_TARGET;
  return Math.min(limits.target, Math.max(limits.least, wanted));
}

/** Turns a pace into whole pages: what is due now, and the fraction that is carried over. */
export interface Due {
  readonly pages: number;
  readonly carried: number;
}

/** A machine that stood still does not ask for everything it missed at once: that would not be users, but a flood. */
const LONGEST_CATCH_UP_MS = 250;

/** Pages due after so many milliseconds at a pace. Open loop: whether earlier pages were answered does not matter. */
export function pagesDue(pace: number, elapsedMs: number, carried: number): Due {
  const exact = carried + (pace * Math.min(elapsedMs, LONGEST_CATCH_UP_MS)) / 1000;
  const pages = Math.floor(exact);
  return { pages, carried: exact - pages };
}

/** The value below which the given share of the numbers lies; null without numbers. */
export function quantileOf(numbers: readonly number[], share: number): number | null {
  if (numbers.length === 0) return null;
  const sorted = numbers.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? null;
}
