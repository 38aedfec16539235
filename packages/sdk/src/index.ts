export type { Arm, Evaluation, EvaluationContext, EvaluationErrorCode, EvaluationReason } from '@theseus/core/flag';
export { type BrowserPassOptions, browserPass } from './browser-pass.ts';
export type { TheseusOptions } from './client-options.ts';
export type { FlagChange } from './feed/flag-store.ts';
export type { Log, LogEntry } from './log-gate.ts';
export {
  type Action,
  type CompareOptions,
  dualCache,
  type Migration,
  type MigrationHealth,
  type MigrationOptions,
  memoryRepairQueue,
  notSent,
  openRepairJournal,
  type Redact,
  type RepairQueue,
} from './migration/index.ts';
export type { RouteArms } from './route.ts';
export { type ConnectionState, createTheseus, type TheseusClient, type TrackDetails } from './theseus-client.ts';
