import pc from 'picocolors';

/** Where a command writes: plain text or NDJSON to standard output, trouble to standard error. */
export interface Output {
  readonly json: boolean;
  readonly color: boolean;
  /** A line for people; nothing with `--json`. */
  say(line: string): void;
  /** One object of NDJSON; nothing without `--json`. */
  emit(value: unknown): void;
  /** A line about trouble, always on standard error; an object of kind `warning` with `--json`. */
  warn(line: string): void;
}

export function outputFor(options: { readonly json?: boolean | undefined }): Output {
  const json = options.json ?? false;
  return {
    json,
    color: pc.isColorSupported && process.stdout.isTTY === true,
    say: (line) => void (json || process.stdout.write(`${line}\n`)),
    emit: (value) => void (json && process.stdout.write(`${JSON.stringify(value)}\n`)),
    warn: (line) => void process.stderr.write(`${json ? JSON.stringify({ kind: 'warning', message: line }) : line}\n`),
  };
}
