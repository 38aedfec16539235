export {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from './embedded-postgres/embedded-postgres.ts';
export type { Log, LogLevel } from './ports/log.ts';
export { type Credentials, readCredentials } from './wiring/credentials-file.ts';
export { DEFAULT_PORT, type ServerOptions, startServer, type TheseusServer } from './wiring/start-server.ts';
