import type { DifferenceKind, DifferenceSample } from '@theseus/core/health';

/** What the answers of both sides of a migration differed in, over all instances of an environment. */
export interface DifferenceReport {
  /** Shadow reads since the first was reported. */
  readonly totals: DifferenceTotals;
  /** The most frequent first. */
  readonly paths: readonly DifferenceGroup[];
}

export interface DifferenceTotals {
  /** Equal and different ones. */
  readonly compared: number;
  readonly equal: number;
  readonly different: number;
  /** Not compared as there was no room, as the breaker was open, or as the answers were too large. */
  readonly dropped: number;
  readonly timedOut: number;
  readonly shadowFailed: number;
  /** Epoch milliseconds; null where nothing was compared yet. */
  readonly since: number | null;
}

/** One place in which answers differed. */
export interface DifferenceGroup {
  readonly path: string;
  readonly kind: DifferenceKind;
  /** How many answers differed here. */
  readonly count: number;
  readonly samples: readonly DifferenceSample[];
  /** Epoch milliseconds. */
  readonly firstAt: number;
  readonly lastAt: number;
}

export interface DifferenceSource {
  /** A flag that nobody compares has no differences, which is no error. */
  differencesOf(flag: string, environment: string): Promise<DifferenceReport>;
}
