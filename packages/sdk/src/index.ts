export type { Arm, Evaluation, EvaluationContext, EvaluationErrorCode, EvaluationReason } from '@theseus/core/flag';
export type { TheseusOptions } from './client-options.ts';
export type { FlagChange } from './feed/flag-store.ts';
export type { Log, LogEntry } from './log-gate.ts';
export type { RouteArms } from './route.ts';
export { type ConnectionState, createTheseus, type TheseusClient, type TrackDetails } from './theseus-client.ts';
