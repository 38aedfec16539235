import type { Draft } from './draft.ts';
import type { Command, Verb } from './input.ts';
import { overriddenBy, overridesOf } from './overridden.ts';
import { invalid, type Refusal } from './refusal.ts';
import type { FlagOverrides, RolloutState } from './state.ts';
import type { EventOf } from './state-changes.ts';

/** So many subjects of one flag may be let in or kept out one by one: every evaluator holds all of them. */
export const OVERRIDES_LIMIT = 10_000;
/** Characters of one subject's key. */
export const SUBJECT_LENGTH_LIMIT = 300;

/** Lets subjects in or keeps them out. Possible at any time: whoever does not want the candidate must be able to leave. */
export function override(
  draft: Draft,
  { flag, subjects, to, asCohort = false }: Extract<Verb, { readonly verb: 'override' }>,
  command: Command,
): Refusal | null {
  const { state } = draft;
  if (!Object.hasOwn(state.flags, flag)) {
    const names = Object.keys(state.flags).join(', ') || 'none';
    return { code: 'not-found', message: `there is no flag '${flag}' in this run, there are: ${names}` };
  }
  const wrong = subjects.find((subject) => subject.trim() === '' || subject.length > SUBJECT_LENGTH_LIMIT);
  if (wrong !== undefined) {
    const shown = wrong.length > SUBJECT_LENGTH_LIMIT ? `${wrong.slice(0, 40)}…` : wrong;
    return invalid(
      `'${shown}' is no subject: write its ${state.plan.cohort}, at most ${SUBJECT_LENGTH_LIMIT} characters`,
    );
  }
  const known = overridesOf(state, flag);
  const refusal = asCohort ? cohortRefusal(state, flag, known, subjects.length) : null;
  if (refusal !== null) return refusal;
  // Of a cohort the log tells every member, whoever was let in before.
  const changed = asCohort ? [...new Set(subjects)] : changedBy(known, subjects, to);
  if (changed.length === 0) return null;
  const next = overriddenBy(known, { subjects: changed, to });
  const count = next.candidate.length + next.legacy.length;
  if (count > OVERRIDES_LIMIT) {
    return invalid(
      `${count} subjects of ${flag} would be decided about one by one, ${OVERRIDES_LIMIT} is the most: clear some (theseus flags clear), or put them into a segment of the plan`,
    );
  }
  const frozen = asCohort ? { asCohort: true as const } : {};
  draft.emit({ type: 'flag.overridden', flag, subjects: changed, to, ...frozen }, command.reason, command.actor);
  return null;
}

/** An exact cohort is picked once: a second list would let in more than were asked for. */
function cohortRefusal(state: RolloutState, flag: string, known: FlagOverrides, size: number): Refusal | null {
  const cohort = state.plan.flags[flag]?.cohort;
  if (cohort === undefined)
    return invalid(`flag ${flag} has no cohort in the plan: add 'cohort: { count: ${size} }' to it`);
  if (known.isCohortFrozen === true) {
    return invalid(`the cohort of ${flag} is frozen: people join and leave it one by one (theseus flags allow, clear)`);
  }
  return size > cohort.count ? invalid(`the cohort of ${flag} has ${cohort.count} places, ${size} are too many`) : null;
}

/** Those whom it changes, each once. */
function changedBy(
  { candidate, legacy }: FlagOverrides,
  subjects: readonly string[],
  to: EventOf<'flag.overridden'>['to'],
): readonly string[] {
  const [letIn, keptOut] = [new Set(candidate), new Set(legacy)];
  const isSo = (subject: string): boolean => {
    if (to === null) return !letIn.has(subject) && !keptOut.has(subject);
    return (to === 'candidate' ? letIn : keptOut).has(subject);
  };
  return [...new Set(subjects)].filter((subject) => !isSo(subject));
}
