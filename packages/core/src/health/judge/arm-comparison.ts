import type { ArmPair } from './arm-counts.ts';

/** What one look at the two arms of a flag found. */
export interface ArmComparison {
  /** Epoch milliseconds. */
  readonly at: number;
  /** Sums since counting began; null while nobody can tell, for the reason that `problem` gives. */
  readonly counts: ArmPair | null;
  /** Grows when user records begin anew: user sums of two epochs have nothing to do with each other. */
  readonly epoch: number;
  /** Users assigned to the candidate for each one assigned to legacy, such as 1/9 at 10 %; null where hash did not assign them. */
  readonly odds: number | null;
  /** How many users there are in each arm, where that is known. */
  readonly assigned: ArmPair<number> | null;
  /** How old the newest count is, in milliseconds. */
  readonly ageMs: number;
  readonly problem: string | null;
}
