export {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from './embedded-postgres/embedded-postgres.ts';
export { CHECKS, type Check, type Finding } from './ports/doctor.ts';
export type { FlagOverview } from './ports/flag-directory.ts';
export type { Log, LogLevel } from './ports/log.ts';
export { type HistoryOptions, measureHistory } from './sources/prometheus-history.ts';
export { type Credentials, readCredentials } from './wiring/credentials-file.ts';
export { examineFromHere } from './wiring/examine-from-here.ts';
export { prometheusFrom } from './wiring/signal-reader-for.ts';
export { DEFAULT_PORT, type ServerOptions, startServer, type TheseusServer } from './wiring/start-server.ts';
export { startWorker, type TheseusWorker, type WorkerOptions } from './wiring/start-worker.ts';
