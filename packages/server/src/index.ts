export {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from './embedded-postgres/embedded-postgres.ts';
export { API_LIMITS, type ApiSettings } from './http-api/api-settings.ts';
export type { DifferenceReport } from './ports/difference-source.ts';
export { CHECKS, type Check, type Finding } from './ports/doctor.ts';
export type { FlagOverview } from './ports/flag-directory.ts';
export type { Log, LogLevel } from './ports/log.ts';
export type { OverrideList } from './ports/override-service.ts';
export type { WaveKey, WaveOrder, WaveService } from './ports/wave-service.ts';
export { asksForArm } from './sources/placeholders.ts';
export { type ArmHistory, type ArmHistoryOptions, type ArmQueries, armHistory } from './sources/prometheus-arms.ts';
export type { PrometheusPlace } from './sources/prometheus-client.ts';
export { type HistoryOptions, measureHistory } from './sources/prometheus-history.ts';
export { type Credentials, readCredentials } from './wiring/credentials-file.ts';
export { examineFromHere } from './wiring/examine-from-here.ts';
export { prometheusFrom } from './wiring/signal-reader-for.ts';
export { DEFAULT_PORT, type ServerOptions, startServer, type TheseusServer } from './wiring/start-server.ts';
export { startWorker, type TheseusWorker, type WorkerOptions } from './wiring/start-worker.ts';
export { openWaveSystem, type WaveSystem, type WaveSystemOptions } from './wiring/wave-system.ts';
