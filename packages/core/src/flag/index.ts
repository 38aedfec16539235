export { bucket } from './bucket.ts';
export {
  type Assignment,
  applyPatch,
  type CompiledFlags,
  compileFlags,
  NOT_COMPARED,
  STRATA_LIMIT,
} from './compiled-flags.ts';
export { type ContextTest, compileConditions, isInstantText } from './condition-test.ts';
export { DEFAULT_ENVIRONMENT, environmentNameProblem, isEnvironmentName } from './environment.ts';
export { notReadyEvaluation } from './evaluation.ts';
export {
  type Arm,
  type AttributeCondition,
  type AttributeValue,
  type Evaluation,
  type EvaluationContext,
  type EvaluationErrorCode,
  type EvaluationReason,
  EXPOSURE_WHOLE,
  type FlagAudience,
  type FlagDefinition,
  type FlagDocument,
  type FlagPatch,
  type LatencyMarks,
  type SegmentDefinition,
  type SegmentRule,
  type VersionOperator,
} from './flag-document.ts';
export { murmur3, murmur3Resume, type SaltState, saltState, utf8Length } from './murmur3.ts';
export {
  FLAG_COUNT_LIMIT,
  type ParsedFlagDocument,
  type ParsedFlagPatch,
  parseFlagDocument,
  parseFlagPatch,
} from './parse-flag-document.ts';
export { type CohortPlace, type CohortRule, pickCohort } from './pick-cohort.ts';
export { type Split, splitOf } from './split-odds.ts';
export { isSampled, SubjectHasher, THINNEST_SAMPLE } from './subject-hash.ts';
export { isVersion as isSemanticVersion } from './version-order.ts';
