import { type ErrorCode, errorText, TheseusError } from '@theseus/core/error';
import { CommanderError } from 'commander';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { createProgram } from './program.ts';

const USAGE: readonly ErrorCode[] = ['invalid-argument', 'invalid-plan'];

/** Runs one command line and sets the process's exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  process.stdout.off('error', endWhenReaderGoes).on('error', endWhenReaderGoes);
  try {
    await createProgram((code: ExitCode) => {
      process.exitCode = code;
    }).parseAsync([...argv]);
  } catch (error) {
    process.exitCode = exitCodeFor(error);
  }
}

/** A reader that goes away, such as `head`, ends the output and not with a stack trace. */
function endWhenReaderGoes(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(EXIT.done);
}

function exitCodeFor(error: unknown): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  const code = error instanceof TheseusError ? error.code : 'internal';
  process.stderr.write(`theseus: ${errorText(error)} [${code}]\n`);
  if (process.env['THESEUS_DEBUG'] !== undefined && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return USAGE.includes(code) ? EXIT.usage : EXIT.failed;
}
