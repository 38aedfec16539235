import { SUBJECT_STATES, type SubjectState, type WaveCounts } from '@theseus/core/wave';
import type { BatchPurpose } from '../ports/wave-ledger.ts';

export const WAVES_CHANNEL = 'theseus_waves';

/** States are stored as their place in the order of the ledger. */
export function stateNumber(state: SubjectState): number {
  return SUBJECT_STATES.indexOf(state);
}

export function stateOfNumber(number: number): SubjectState {
  return SUBJECT_STATES[number] ?? 'failed';
}

const PURPOSES: readonly BatchPurpose[] = ['migrate', 'retry', 'revalidate', 'watch', 'undo'];

export function purposeNumber(purpose: BatchPurpose): number {
  return PURPOSES.indexOf(purpose);
}

export function purposeOfNumber(number: number): BatchPurpose {
  return PURPOSES[number] ?? 'migrate';
}

interface CountRow {
  readonly counts: readonly string[];
  readonly validated: string;
  readonly invalid: string;
  readonly conflicts: string;
  readonly per_second: string | null;
}

export function countsOf({ counts, validated, invalid, conflicts, per_second }: CountRow): WaveCounts {
  const byState = Object.fromEntries(SUBJECT_STATES.map((state, at) => [state, Number(counts[at] ?? 0)]));
  return {
    byState: byState as Record<SubjectState, number>,
    validated: Number(validated),
    invalid: Number(invalid),
    conflicts: Number(conflicts),
    perSecond: Number(per_second ?? 0),
  };
}
