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

/** One trouble may show as several errors in turn; after so many different ones it is known well enough. */
const MESSAGES_PER_TOPIC = 5;

/**
 * Says each trouble once, and once that it is over: a server that is away for an hour must not fill a log.
 * A log that throws is nobody's trouble but its own.
 */
export class LogGate {
  readonly #log: Log;
  /** What was said of each topic that is in trouble. */
  readonly #open = new Map<string, Set<string>>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Says that `topic` is in trouble, unless the same, or much else, was said of it already and it is not over. */
  trouble(topic: string, message: string, cause?: unknown): void {
    const said = this.#open.get(topic) ?? new Set();
    if (said.has(message) || said.size >= MESSAGES_PER_TOPIC) return;
    this.#open.set(topic, said.add(message));
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
