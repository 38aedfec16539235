export type { Arm, Evaluation, EvaluationContext, EvaluationErrorCode, EvaluationReason } from '@theseus/core/flag';
export { type BrowserPassOptions, browserPass } from './browser-pass.ts';
export type { TheseusOptions } from './client-options.ts';
export type { FlagChange } from './feed/flag-store.ts';
export type { Log, LogEntry } from './log-gate.ts';
export type { RouteArms } from './route.ts';
export { type ConnectionState, createTheseus, type TheseusClient } from './theseus-client.ts';
