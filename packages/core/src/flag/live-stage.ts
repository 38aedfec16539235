import { type FlagDefinition, MIGRATION_STAGES, type MigrationStage } from './flag-document.ts';
import {
  ANSWER_DISABLED,
  ANSWER_SPLIT_CANDIDATE,
  ANSWER_SPLIT_LEGACY,
  type Answer,
  answersCandidate,
} from './own-answer.ts';

const LIVE = MIGRATION_STAGES.indexOf('live');

/** Whether callers are answered by the candidate at the stage. */
export function isLive(stage: MigrationStage): boolean {
  return MIGRATION_STAGES.indexOf(stage) >= LIVE;
}

/**
 * Whether the candidate answers whoever got this answer: of a migration that depends on the stage of their arm, so that
 * flags that require it see everybody on the candidate from `live` on, and nobody before.
 */
export function isAnsweredByCandidate({ migration }: FlagDefinition, answer: Answer): boolean {
  const isCandidate = answersCandidate(answer);
  if (migration === undefined) return isCandidate;
  return answer !== ANSWER_DISABLED && isLive(migration.stages[isCandidate ? 'candidate' : 'legacy']);
}

/** The answer as it is told: the arm that answers, which of a migration may be another than that of the split. */
export function toldAnswer(definition: FlagDefinition, answer: Answer): Answer {
  const isCandidate = isAnsweredByCandidate(definition, answer);
  if (isCandidate === answersCandidate(answer)) return answer;
  return isCandidate ? ANSWER_SPLIT_CANDIDATE : ANSWER_SPLIT_LEGACY;
}
