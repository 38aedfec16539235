import { type Arm, CONTROL, type Evaluation, type EvaluationReason } from './flag-document.ts';
import {
  ANSWER_DISABLED,
  ANSWER_KEPT_OUT,
  ANSWER_KEY_MISSING,
  ANSWER_LET_IN,
  ANSWER_PREREQUISITE,
  ANSWER_RETIRED,
  ANSWER_SEGMENT_CANDIDATE,
  ANSWER_SEGMENT_LEGACY,
  ANSWER_SPLIT_CANDIDATE,
  ANSWER_SPLIT_LEGACY,
  type Answer,
} from './own-answer.ts';

/** Reason and arm by answer; the lowest bit of an answer is the arm. */
const REASONS: readonly EvaluationReason[] = byAnswer([
  [ANSWER_DISABLED, 'DISABLED'],
  [ANSWER_KEY_MISSING, 'DEFAULT'],
  [ANSWER_KEPT_OUT, 'OVERRIDE'],
  [ANSWER_LET_IN, 'OVERRIDE'],
  [ANSWER_SEGMENT_LEGACY, 'SEGMENT'],
  [ANSWER_SEGMENT_CANDIDATE, 'SEGMENT'],
  [ANSWER_SPLIT_LEGACY, 'SPLIT'],
  [ANSWER_SPLIT_CANDIDATE, 'SPLIT'],
  [ANSWER_PREREQUISITE, 'PREREQUISITE'],
  [ANSWER_RETIRED, 'RETIRED'],
]);

function byAnswer(pairs: readonly (readonly [Answer, EvaluationReason])[]): EvaluationReason[] {
  const reasons = new Array<EvaluationReason>(ANSWER_RETIRED + 1).fill('ERROR');
  for (const [answer, reason] of pairs) reasons[answer] = reason;
  return reasons;
}

/** Spells an answer out. */
export function evaluationOf(key: string, answer: Answer, variant: string, version: number): Evaluation {
  if (answer === ANSWER_KEY_MISSING) {
    return { key, ...ON_LEGACY, reason: 'DEFAULT', errorCode: 'TARGETING_KEY_MISSING', version };
  }
  const arm: Arm = (answer & 1) === 1 ? 'candidate' : 'legacy';
  return { key, arm, variant, reason: REASONS[answer] as EvaluationReason, version };
}

const ON_LEGACY = { arm: 'legacy', variant: CONTROL } as const;

/** The answer for a flag that nobody defined. */
export function unknownFlagEvaluation(key: string, version: number): Evaluation {
  return { key, ...ON_LEGACY, reason: 'ERROR', errorCode: 'FLAG_NOT_FOUND', version };
}

/** The answer when the context itself failed, such as by a getter that throws. */
export function failedEvaluation(key: string, version: number): Evaluation {
  return { key, ...ON_LEGACY, reason: 'ERROR', errorCode: 'GENERAL', version };
}

/** The answer while no document is known at all. */
export function notReadyEvaluation(key: string): Evaluation {
  return { key, ...ON_LEGACY, reason: 'ERROR', errorCode: 'PROVIDER_NOT_READY', version: 0 };
}
