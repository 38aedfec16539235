export { DEFAULT_PORT, type Log, type LogLevel, type ServerOptions, startServer, type TheseusServer } from './wiring/start-server.ts';
export { type Credentials, readCredentials } from './wiring/credentials-file.ts';
