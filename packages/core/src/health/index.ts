export {
  type Baseline,
  type BaselineSample,
  plainValue,
  type RecordedBaseline,
  type Usual,
  usualAt,
} from './baseline.ts';
export {
  type BaselineShape,
  HOURS_OF_WEEK,
  type HourOfHistory,
  hourOfWeek,
  type LearntShape,
  learnShape,
  SHAPE_NEEDS_MS,
} from './baseline-shape.ts';
export {
  ANY_SIGNAL,
  type Bound,
  type Comparison,
  type Condition,
  type Gate,
  type GateRule,
  isJudgedGate,
  isReadCondition,
  needsBaseline,
  type OnInconclusive,
  type ReadBound,
  type ReadCondition,
  type Reference,
  type RollbackScope,
  type RuleAction,
  type SignalUnit,
  signalsRead,
} from './condition.ts';
export { compareVariants, METRIC_LEVEL } from './experiment/compare-variants.ts';
export type {
  Metric,
  MetricComparison,
  MetricDirection,
  MetricMeasure,
  MetricVerdict,
  ObservedVariant,
  PastComparison,
  VariantComparison,
  VariantSums,
} from './experiment/metric-comparison.ts';
export { type Explanation, explainWatch } from './explain-watch.ts';
export type { ArmComparison } from './judge/arm-comparison.ts';
export {
  type ArmCounts,
  type ArmPair,
  type LatencyCounts,
  NO_LATENCY,
  NO_USERS,
  noCounts,
  type SegmentCounts,
  type UserSums,
} from './judge/arm-counts.ts';
export { explainJudgement, type JudgeExplanation, lackingText, type MetricExplanation } from './judge/explain.ts';
export {
  beginJudge,
  type InconclusiveReason,
  JUDGED_METRICS,
  type JudgedMetric,
  type JudgeSetting,
  type JudgeState,
  type JudgeVerdict,
} from './judge/judge-state.ts';
export {
  type LatencyFactors,
  latencyCounts,
  latencyFactors,
  latencyMarks,
  TIMED_FOR_MARKS,
} from './judge/latency-counts.ts';
export { look } from './judge/look.ts';
export { type JudgeProfile, type Margin, PROFILE_NAMES, PROFILES, type ProfileName } from './judge/profile.ts';
export {
  beginWatch,
  isDestinationAsBad,
  isHealthy,
  isWatchOf,
  LONGEST_GAP,
  type ObserveOptions,
  observe,
  resumeWatch,
  type WatchTarget,
} from './judge-gate.ts';
export { type JudgeMemory, type Judgement, type Judging, judgementNow } from './judge-memory.ts';
export { comparisonText, differenceText } from './judge-metric.ts';
export { thresholdOf } from './judge-reading.ts';
export {
  bucketBounds,
  isSparseLatency,
  LATENCY_BUCKETS,
  LatencyHistogram,
  latencyBucket,
  latencyDifference,
  latencyQuantile,
} from './latency-histogram.ts';
export { packLatency, unpackLatency } from './latency-wire.ts';
export type { Measurement, Reading, ReadingStatus, Repairs } from './reading.ts';
export {
  type ArmTelemetry,
  type ComparedTelemetry,
  DIFFERENCE_PATH_LENGTH,
  DIFFERENCE_PATH_LIMIT,
  DIFFERENCE_SAMPLE_LENGTH,
  DIFFERENCE_SAMPLE_LIMIT,
  type DifferenceKind,
  type DifferencePath,
  type DifferenceSample,
  type DifferenceTelemetry,
  type FlagGoals,
  type FlagTelemetry,
  type FlagUsers,
  GOAL_FIELDS,
  type GoalCounts,
  type RepairTelemetry,
  TELEMETRY_BATCH_LIMIT_BYTES,
  type TelemetryBatch,
  USER_FIELDS,
  type UserCounts,
  type UserTelemetry,
  type VariantUsers,
} from './telemetry-batch.ts';
export {
  type Evidence,
  type GateVerdict,
  isBlind,
  KEPT_SAMPLES,
  type RuleResult,
  VERDICTS,
  type Verdict,
  type Watch,
  worse,
} from './verdict.ts';
