import { compileConditions } from './condition-test.ts';
import type { EvaluationContext, SegmentDefinition } from './flag-document.ts';
import { murmur3Resume, saltState } from './murmur3.ts';
import { NOT_DRAWN, subjectKey } from './own-answer.ts';

/** How an exact cohort is picked: by place in the same queue that percentages take their people from. */
export interface CohortRule {
  readonly count: number;
  /** Undefined where anybody may be picked. */
  readonly segment: Pick<SegmentDefinition, 'key' | 'conditions'> | undefined;
  /** The attribute that names a subject. */
  readonly cohort: string;
  /** The plan's. */
  readonly salt: string;
}

/** What became of one candidate for a cohort, in words for people. */
export interface CohortPlace {
  /** '' where the candidate names no subject. */
  readonly subject: string;
  /** From 1; null where the candidate could not be picked at all. */
  readonly rank: number | null;
  readonly isPicked: boolean;
  readonly reason: string;
}

/**
 * Picks exactly as many as are asked for, where there are so many: subjects are ranked by murmur3 of salt and key,
 * and the first are taken. The same list always gives the same people, and those whom the first percentages would take.
 *
 * @returns a place for each candidate: those who are ranked in that order, then the others as they were given
 */
export function pickCohort(rule: CohortRule, candidates: readonly EvaluationContext[]): readonly CohortPlace[] {
  const matches = rule.segment === undefined ? () => true : compileConditions(rule.segment.conditions);
  const salt = saltState(rule.salt);
  const ranked = new Map<string, number>();
  const left: CohortPlace[] = [];
  for (const candidate of candidates) {
    const subject = subjectKey(candidate, rule.cohort, NOT_DRAWN);
    const reason = leftOut(rule, { subject, isKnown: ranked.has(subject), isMember: matches(candidate) });
    if (reason === undefined) ranked.set(subject, murmur3Resume(salt, subject));
    else left.push({ subject, rank: null, isPicked: false, reason });
  }
  const inOrder = [...ranked].toSorted(([one, hash], [other, otherHash]) => hash - otherHash || (one < other ? -1 : 1));
  return [...inOrder.map(([subject], at) => placeOf(subject, at + 1, rule.count, inOrder.length)), ...left];
}

function leftOut(
  { cohort, segment }: CohortRule,
  { subject, isKnown, isMember }: { readonly subject: string; readonly isKnown: boolean; readonly isMember: boolean },
): string | undefined {
  if (subject === '') return `has no ${cohort}`;
  if (!isMember) return `is not in segment '${segment?.key ?? ''}'`;
  return isKnown ? 'is listed before' : undefined;
}

function placeOf(subject: string, rank: number, count: number, of: number): CohortPlace {
  const isPicked = rank <= count;
  const place = `place ${rank} of ${of} by hash`;
  return { subject, rank, isPicked, reason: isPicked ? place : `${place}, after the ${count} that are taken` };
}
