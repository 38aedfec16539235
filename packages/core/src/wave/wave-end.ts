import { afterOpenMs, closesAt, nextOpening, type TimeWindow } from '../time/index.ts';

/** What is left of a wave, and how fast it goes. */
export interface WaveRest {
  /** Subjects that are not validated yet. */
  readonly left: number;
  /** Subjects in a second; 0 where nobody knows. */
  readonly perSecond: number;
  readonly windows: readonly TimeWindow[];
  /** How long each subject is watched after it was validated. */
  readonly watchMs: number;
}

export interface WaveEnd {
  /** When the last subject is validated; epoch milliseconds. */
  readonly validatedAt: number;
  /** When the last watch ends; epoch milliseconds. */
  readonly at: number;
  /** How many openings of its windows it takes, the one under way included; 1 without windows. */
  readonly openings: number;
}

/** More than this is told as no end at all: the plan is wrong, and so would be the figure. */
const MOST_OPENINGS = 1_000;

/**
 * When a wave ends at the pace it has, working in its windows only; null where nobody can tell: at no pace, or beyond a
 * thousand openings.
 *
 * @param at epoch milliseconds
 */
export function waveEnd({ left, perSecond, windows, watchMs }: WaveRest, at: number): WaveEnd | null {
  if (left === 0) return { validatedAt: at, at: at + watchMs, openings: 0 };
  if (!(perSecond > 0)) return null;
  const workMs = Math.ceil((left * 1_000) / perSecond);
  const openings = openingsFor(windows, at, workMs);
  if (openings === null) return null;
  const validatedAt = afterOpenMs(windows, at, workMs);
  return { validatedAt, at: validatedAt + watchMs, openings };
}

function openingsFor(windows: readonly TimeWindow[], from: number, workMs: number): number | null {
  if (windows.length === 0) return 1;
  let left = workMs;
  let at = from;
  for (let openings = 1; openings <= MOST_OPENINGS; openings += 1) {
    const opens = nextOpening(windows, at);
    const closes = closesAt(windows, opens) ?? opens;
    if (closes - opens >= left) return openings;
    left -= closes - opens;
    at = closes;
  }
  return null;
}
