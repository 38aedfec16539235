export { compressPlan } from './compress-plan.ts';
export { canonicalJson, planHash } from './content-hash.ts';
export { definePlan } from './define-plan.ts';
export type { Diagnostic } from './diagnostic.ts';
export { nearest, suggest } from './did-you-mean.ts';
export { planJsonSchema } from './json-schema.ts';
export { PLAN_LIMITS } from './limits.ts';
export { locateInPlan, type PlanPlace } from './locate-in-plan.ts';
export { formatDiagnostic, type ParsedPlan, type ParseOptions, parsePlan } from './parse-plan.ts';
export type {
  Approver,
  Capture,
  Channel,
  Command,
  CommandProbe,
  HttpProbe,
  Person,
  Phase,
  Plan,
  PlanFlag,
  Probe,
  Risk,
  RiskApproval,
  Segment,
  Signal,
  SignalSource,
  SignalUnit,
  Step,
  StepCommon,
  StepKind,
  TelemetryMetric,
  WaitUntil,
  Window,
} from './plan.ts';
export { planFromSource, type ReadPlan } from './plan-from-source.ts';
export type { PlanSource } from './source-schema.ts';
export { validatePlan } from './validate-plan.ts';
