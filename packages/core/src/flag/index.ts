export { bucket } from './bucket.ts';
export {
  type Assignment,
  applyPatch,
  type CompiledFlags,
  compileFlags,
  NOT_COMPARED,
  STRATA_LIMIT,
} from './compiled-flags.ts';
export { type ContextTest, compileConditions } from './condition-test.ts';
export { DEFAULT_ENVIRONMENT, environmentNameProblem, isEnvironmentName } from './environment.ts';
export { notReadyEvaluation } from './evaluation.ts';
export { explainFlag, type FlagExplanation, type FlagTest } from './explain-flag.ts';
export {
  type Arm,
  type AttributeCondition,
  type AttributeValue,
  type Evaluation,
  type EvaluationContext,
  type EvaluationErrorCode,
  type EvaluationReason,
  EXPOSURE_WHOLE,
  type FlagDefinition,
  type FlagDocument,
  type FlagPatch,
  type LatencyMarks,
  MIGRATION_STAGES,
  type MigrationSetting,
  type MigrationStage,
  type ReadPreference,
  type SegmentDefinition,
  type SegmentRule,
} from './flag-document.ts';
export { type FlagdExport, type FlagdFlag, type FlagdLogic, flagdDefinitions } from './flagd-definitions.ts';
export {
  type FlagHistory,
  fullSince,
  LIFECYCLE_STATES,
  type LifecycleState,
  lifecycleOf,
  STALE_AFTER_MS,
  type Staleness,
  stalenessOf,
} from './lifecycle.ts';
export { murmur3, murmur3Resume, type SaltState, saltState, utf8Length } from './murmur3.ts';
export { subjectKey } from './own-answer.ts';
export {
  FLAG_COUNT_LIMIT,
  type ParsedFlagDocument,
  type ParsedFlagPatch,
  parseFlagDocument,
  parseFlagPatch,
} from './parse-flag-document.ts';
export { type Split, splitOf } from './split-odds.ts';
export { type StaticAnswer, staticAnswerOf } from './static-answer.ts';
export { isSampled, SubjectHasher, THINNEST_SAMPLE } from './subject-hash.ts';
