import { spawn } from 'node:child_process';

export interface CommandOptions {
  readonly folder: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** Set in addition to what every command gets. */
  readonly variables?: Readonly<Record<string, string>>;
}

export interface CommandEnd {
  /** Null when it did not end by itself. */
  readonly exitCode: number | null;
  /** Standard output and error, in the order they came; the last part where it is long. */
  readonly output: string;
  readonly durationMs: number;
  /** Why it did not run or did not end by itself. */
  readonly problem: string | null;
}

const MOST_OUTPUT_BYTES = 262_144;
/** What a command gets of the server's environment: where programs are, and how text is written. */
const PASSED_ON = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR'];
const GRACE_MS = 2_000;
/** An artefact whose step was skipped, or has not come yet: no program should ever see its name in place of its value. */
const UNFILLED = /\$\{\{\s*([\w-]+)\s*\}\}/;

/** Runs a program with its arguments, without a shell and without the server's secrets; on time-out its whole group ends. */
export function runCommand(argv: readonly string[], options: CommandOptions): Promise<CommandEnd> {
  const [program = '', ...given] = argv;
  const missing = argv.map((argument) => UNFILLED.exec(argument)?.[1]).find((name) => name !== undefined);
  if (missing !== undefined) {
    const problem = `nothing has captured '${missing}' yet`;
    return Promise.resolve({ exitCode: null, output: '', durationMs: 0, problem });
  }
  const startedAt = performance.now();
  return new Promise((resolve) => {
    const child = spawn(program, given, {
      cwd: options.folder,
      env: { ...passedOn(), ...options.variables },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const output = tail(MOST_OUTPUT_BYTES);
    child.stdout.on('data', output.add);
    child.stderr.on('data', output.add);
    let problem: string | null = null;
    const stop = (why: string): void => {
      problem ??= why;
      killGroup(child.pid, 'SIGTERM');
      setTimeout(() => killGroup(child.pid, 'SIGKILL'), GRACE_MS).unref();
    };
    const timer = setTimeout(() => stop(`not done within ${options.timeoutMs / 1000} s`), options.timeoutMs);
    const abort = (): void => stop('the server is stopping');
    options.signal?.addEventListener('abort', abort, { once: true });
    const end = (exitCode: number | null): void => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', abort);
      resolve({ exitCode, output: output.text(), durationMs: Math.round(performance.now() - startedAt), problem });
    };
    child.once('error', (error: NodeJS.ErrnoException) => {
      problem =
        error.code === 'ENOENT'
          ? `there is no program '${program}' in ${options.folder} or on the PATH`
          : error.message;
      end(null);
    });
    child.once('close', (code, signal) => {
      if (signal !== null) problem ??= `it was ended by ${signal}`;
      end(code);
    });
  });
}

function passedOn(): Record<string, string | undefined> {
  return Object.fromEntries(
    PASSED_ON.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended already.
  }
}

function tail(mostBytes: number) {
  let chunks: Buffer[] = [];
  let size = 0;
  return {
    add: (chunk: Buffer): void => {
      chunks.push(chunk);
      size += chunk.length;
      if (size <= 2 * mostBytes) return;
      chunks = [Buffer.concat(chunks).subarray(-mostBytes)];
      size = mostBytes;
    },
    // PostgreSQL keeps no NUL.
    text: (): string => Buffer.concat(chunks).subarray(-mostBytes).toString('utf8').replaceAll('\0', '\ufffd'),
  };
}

/** The last line that says something, for a summary. */
export function lastLine(output: string): string {
  return output.trimEnd().split('\n').at(-1)?.trim().slice(0, 300) ?? '';
}
