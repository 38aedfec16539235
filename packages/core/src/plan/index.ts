export { BACKUP_PROGRAM } from './built-in-backup.ts';
export { compressPlan } from './compress-plan.ts';
export { canonicalJson, planHash } from './content-hash.ts';
export { definePlan } from './define-plan.ts';
export type { Diagnostic } from './diagnostic.ts';
export { nearest, suggest } from './did-you-mean.ts';
export { planJsonSchema } from './json-schema.ts';
export { PLAN_LIMITS } from './limits.ts';
export { locateInPlan, type PlanPlace } from './locate-in-plan.ts';
export { environmentsIn, formatDiagnostic, type ParsedPlan, type ParseOptions, parsePlan } from './parse-plan.ts';
export type {
  Approver,
  BaselineShapeWanted,
  Capture,
  Channel,
  Command,
  CommandProbe,
  Contingency,
  ContingencyAction,
  ExpectedTraffic,
  FollowUp,
  GoalSource,
  HttpProbe,
  Person,
  Phase,
  Plan,
  PlanFlag,
  PlanMigration,
  Probe,
  PrometheusSource,
  Risk,
  RiskApproval,
  RollbackPolicy,
  Segment,
  Signal,
  SignalSource,
  SignalUnit,
  SqlSource,
  StageMove,
  Step,
  StepCommon,
  StepKind,
  TelemetryMetric,
  Undo,
  WaitUntil,
} from './plan.ts';
export { planFromSource, type ReadPlan, type SourceOptions } from './plan-from-source.ts';
export type { PlanSource } from './source-schema.ts';
export { validatePlan } from './validate-plan.ts';
