/** A line for the log of the program that uses the SDK. */
export interface LogEntry {
  readonly level: 'info' | 'warn';
  readonly message: string;
  readonly cause?: unknown;
}

export type Log = (entry: LogEntry) => void;

/** Writes warnings to the console and keeps the rest to itself. */
export const consoleLog: Log = ({ level, message }) => {
  if (level === 'warn') console.warn(`theseus: ${message}`);
};

/**
 * Says each trouble once, and once that it is over: a server that is away for an hour must not fill a log.
 * A log that throws is nobody's trouble but its own.
 */
export class LogGate {
  readonly #log: Log;
  readonly #open = new Map<string, string>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Says that `topic` is in trouble, unless the same was said already and it is not over. */
  trouble(topic: string, message: string, cause?: unknown): void {
    if (this.#open.get(topic) === message) return;
    this.#open.set(topic, message);
    this.#write({ level: 'warn', message, ...(cause === undefined ? {} : { cause }) });
  }

  /** Says that `topic` is well again, if it was not. */
  recovered(topic: string, message: string): void {
    if (this.#open.delete(topic)) this.#write({ level: 'info', message });
  }

  #write(entry: LogEntry): void {
    try {
      this.#log(entry);
    } catch {
      // See above.
    }
  }
}
