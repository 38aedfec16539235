export { bucket } from './bucket.ts';
export {
  type Assignment,
  applyPatch,
  type CompiledFlags,
  compileFlags,
  type GoalSubject,
  NAMELESS,
  NOT_COMPARED,
  STRATA_LIMIT,
  variantName,
} from './compiled-flags.ts';
export { type ContextTest, compileConditions, isInstantText } from './condition-test.ts';
export { DEFAULT_ENVIRONMENT, environmentNameProblem, isEnvironmentName } from './environment.ts';
export { notReadyEvaluation } from './evaluation.ts';
export { explainFlag, type FlagExplanation, type FlagTest } from './explain-flag.ts';
export {
  type Arm,
  type AttributeCondition,
  type AttributeValue,
  CONTROL,
  type Evaluation,
  type EvaluationContext,
  type EvaluationErrorCode,
  type EvaluationReason,
  EXPOSURE_WHOLE,
  type FlagAudience,
  type FlagDefinition,
  type FlagDocument,
  type FlagPatch,
  type FlagVariant,
  type LatencyMarks,
  MIGRATION_STAGES,
  type MigrationSetting,
  type MigrationStage,
  PER_CALL,
  type ReadPreference,
  type SegmentDefinition,
  type SegmentRule,
  VARIANT_LIMIT,
  type VersionOperator,
} from './flag-document.ts';
export { type SentDefinition, sentDocument, sentPatch } from './flag-wire.ts';
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
export { isLive } from './live-stage.ts';
export { murmur3, murmur3Resume, type SaltState, saltState, utf8Length } from './murmur3.ts';
export { NOT_DRAWN, subjectKey } from './own-answer.ts';
export {
  FLAG_COUNT_LIMIT,
  type ParsedFlagDocument,
  type ParsedFlagPatch,
  parseFlagDocument,
  parseFlagPatch,
  VARIANT_NAME,
} from './parse-flag-document.ts';
export { type CohortPlace, type CohortRule, pickCohort } from './pick-cohort.ts';
export { type Split, splitOf, splitVersion } from './split-odds.ts';
export { type StaticAnswer, staticAnswerOf } from './static-answer.ts';
export { isSampled, SubjectHasher, THINNEST_SAMPLE } from './subject-hash.ts';
export { NO_VARIANT } from './variant-split.ts';
export { isVersion as isSemanticVersion } from './version-order.ts';
