export { type Decision, decide, type RunStart, startRun } from './decide.ts';
export { compareForEdit, type PlanEdit } from './edit-plan.ts';
export type { Effect, EffectPurpose, EffectRequest, EffectResult } from './effect.ts';
export { type Actor, ENGINE, type EventBody, type EventType, type RolloutEvent } from './event.ts';
export { evolve, replay } from './evolve.ts';
export { flagHistoryOf } from './flag-history.ts';
export { findBrokenLink, genesisHash, recordEvent } from './hash-chain.ts';
export { initialState } from './initial-state.ts';
export type { Command, Input, Verb, VerbName } from './input.ts';
export { stagesOfArms } from './migration-stage.ts';
export { OVERRIDES_LIMIT, SUBJECT_LENGTH_LIMIT } from './override.ts';
export type { RecordedEvent } from './recorded-event.ts';
export type { Refusal } from './refusal.ts';
export { GRACEFUL_EXTRA_BUDGET_MS, IMMEDIATE_BUDGET_MS } from './rollback.ts';
export type {
  ApprovalState,
  ContingencyState,
  FlagOverrides,
  FlagState,
  FlagStatus,
  Forecast,
  FreezeState,
  Hold,
  HoldReason,
  Outcome,
  PauseScope,
  PhaseState,
  PhaseStatus,
  RollbackPart,
  RollbackState,
  RolloutState,
  RunStatus,
  StepState,
  StepStatus,
} from './state.ts';
export type {
  ApprovalView,
  BaselineView,
  ContingencyView,
  FlagView,
  FreezeView,
  HealthView,
  PhaseView,
  RampView,
  RollbackView,
  RunView,
  StepView,
  Timeliness,
  WaitView,
} from './view.ts';
export { viewOf } from './view-of.ts';
export { nextWakeAt } from './wake.ts';
export { baselineOf, soakOf, watchTargets } from './watch-targets.ts';
