export type { Refusal } from './command.ts';
export { type Decision, decide, type RunStart, startRun } from './decide.ts';
export type { Effect, EffectPurpose, EffectRequest, EffectResult } from './effect.ts';
export { type Actor, ENGINE, type EventBody, type EventType, type RolloutEvent } from './event.ts';
export { evolve, initialState, replay } from './evolve.ts';
export { findBrokenLink, genesisHash, recordEvent } from './hash-chain.ts';
export type { Command, Input, Verb, VerbName } from './input.ts';
export type { RecordedEvent } from './recorded-event.ts';
export { GRACEFUL_EXTRA_BUDGET_MS, IMMEDIATE_BUDGET_MS } from './rollback.ts';
export type {
  ApprovalState,
  FlagState,
  FlagStatus,
  Hold,
  HoldReason,
  Outcome,
  PhaseState,
  PhaseStatus,
  RollbackState,
  RolloutState,
  RunStatus,
  StepState,
  StepStatus,
} from './state.ts';
export type {
  ApprovalView,
  FlagView,
  HealthView,
  PhaseView,
  RampView,
  RollbackView,
  RunView,
  StepView,
  WaitView,
} from './view.ts';
export { viewOf } from './view-of.ts';
export { nextWakeAt } from './wake.ts';
export { baselineOf, soakOf, watchedSince, watchTargets } from './watch-targets.ts';
