import type { FlagOverrides, RolloutState } from './state.ts';
import type { EventOf } from './state-changes.ts';

const NOBODY: FlagOverrides = { candidate: [], legacy: [] };

export function overridesOf(state: RolloutState, flag: string): FlagOverrides {
  return state.flags[flag]?.overrides ?? NOBODY;
}

/** The overrides after one more decision. */
export function overriddenBy(
  known: FlagOverrides,
  { subjects, to, asCohort }: Pick<EventOf<'flag.overridden'>, 'subjects' | 'to' | 'asCohort'>,
): FlagOverrides {
  const decided = new Set(subjects);
  const others = (list: readonly string[]): readonly string[] => list.filter((subject) => !decided.has(subject));
  return {
    candidate: [...others(known.candidate), ...(to === 'candidate' ? subjects : [])],
    legacy: [...others(known.legacy), ...(to === 'legacy' ? subjects : [])],
    ...(known.isCohortFrozen === true || asCohort === true ? { isCohortFrozen: true } : {}),
  };
}
