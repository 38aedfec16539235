import { SUBJECT_STATES, type SubjectState, type WaveCounts } from '../src/wave/index.ts';

/** Counts of a wave in which nothing has happened but what is given. */
export function waveCounts(
  states: Readonly<Partial<Record<SubjectState, number>>>,
  others: Partial<Omit<WaveCounts, 'byState'>> = {},
): WaveCounts {
  const byState = Object.fromEntries(SUBJECT_STATES.map((state) => [state, states[state] ?? 0])) as Record<
    SubjectState,
    number
  >;
  return { byState, validated: 0, invalid: 0, conflicts: 0, perSecond: 0, ...others };
}
