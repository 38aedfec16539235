export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Where the server tells what it does. Secrets never reach it. */
export type Log = (level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>) => void;
