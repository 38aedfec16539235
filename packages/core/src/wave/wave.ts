import type { SubjectState } from './subject-state.ts';

/**
 * What workers may do with a wave now. Decided by the run's events and written with them; workers ask for it with each batch.
 *
 * - `selected`: its members are frozen, and nothing has begun
 * - `open`: batches are taken
 * - `paused`: no batch is begun; those under way end
 * - `undoing`: what was migrated is taken back, the last first
 * - `closed`: nothing more happens
 */
export type WavePermit = 'closed' | 'open' | 'paused' | 'selected' | 'undoing';

/** How many of a wave's subjects are in each state, and what became of validations. Numbers only: it stays small whatever the wave. */
export interface WaveCounts {
  readonly byState: Readonly<Record<SubjectState, number>>;
  /** Subjects that were validated at least once since the wave was last resumed, and how many of those failed last. */
  readonly validated: number;
  readonly invalid: number;
  /** Changed by somebody else since they were migrated: taking them back would lose that, so a person decides. */
  readonly conflicts: number;
  /** Subjects settled in a second, over the last minute; 0 before the first. */
  readonly perSecond: number;
}

/** What a driver tells a run about one of its waves. */
export interface WaveProgress {
  readonly wave: string;
  readonly at: number;
  readonly counts: WaveCounts;
  /** No batch is left to take and none is under way. */
  readonly isIdle: boolean;
}

/** Who was chosen for a wave, in numbers. The members themselves are in the ledger. */
export interface WaveSelection {
  readonly total: number;
  /** How many were looked at. */
  readonly seen: number;
  /** By the values of the attributes that the wave is spread over: `EU / simple`. */
  readonly strata: Readonly<Record<string, number>>;
  /** Why others were not chosen, and how many. */
  readonly excluded: Readonly<Record<string, number>>;
  /** `sha256:<hex>` of the members' keys in the order of their places, one a line: proves that membership is frozen. */
  readonly digest: string;
}
