import { EXPOSURE_WHOLE } from '../flag/index.ts';

/** How many are chosen for a wave. Shares are parts of 100 000. */
export type WaveSize =
  | { readonly kind: 'all' }
  | { readonly kind: 'count'; readonly count: number }
  /** Of all subjects that the migration knows. */
  | { readonly kind: 'share'; readonly share: number }
  /**
   * Of the remaining: of those who had no wave when the first of a series of such waves was chosen. The series is one division of
   * the same rest, so that 40 %, 30 %, 20 % and 10 % of it are everybody.
   */
  | { readonly kind: 'remaining'; readonly share: number; readonly after: readonly SharedWave[] };

/** A wave that took its share of the same rest before. */
export interface SharedWave {
  readonly wave: string;
  readonly share: number;
}

/** How many there are for a wave to take of. */
export interface SubjectsThere {
  /** All that the migration knows, in waves or not. */
  readonly all: number;
  /** Those without a wave. */
  readonly remaining: number;
  /** Those in the waves that took their shares of the same rest before; 0 where there are none. */
  readonly takenBefore: number;
}

/**
 * How many members a wave is to have. Shares of all are rounded to the nearest. Shares of the remaining are rounded over all
 * that the series has taken with this wave: each is within one of its exact share, and shares that are 100 % together take
 * everybody, also those who came while the series was under way.
 *
 * @example waveCount({ kind: 'share', share: 25_000 }, { all: 1_250, remaining: 1_200, takenBefore: 0 }) // 313
 */
export function waveCount(size: WaveSize, { all, remaining, takenBefore }: SubjectsThere): number {
  switch (size.kind) {
    case 'all':
      return remaining;
    case 'count':
      return Math.min(size.count, remaining);
    case 'share':
      return Math.min(partOf(all, size.share), remaining);
    case 'remaining': {
      const share = size.after.reduce((sum, before) => sum + before.share, size.share);
      const wanted = partOf(remaining + takenBefore, share) - takenBefore;
      return Math.min(Math.max(wanted, 0), remaining);
    }
  }
}

function partOf(whole: number, share: number): number {
  return Math.round((whole * share) / EXPOSURE_WHOLE);
}
