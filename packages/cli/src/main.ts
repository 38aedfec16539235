import { type ErrorCode, errorText, TheseusError } from '@theseus/core/error';
import { CommanderError } from 'commander';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { createProgram } from './program.ts';

const USAGE: readonly ErrorCode[] = ['invalid-argument', 'invalid-plan'];

/** Runs one command line and sets the process's exit code. With `--json` what goes wrong is told as JSON too. */
export async function main(argv: readonly string[]): Promise<void> {
  process.stdout.off('error', endWhenReaderGoes).on('error', endWhenReaderGoes);
  const isJson = argv.includes('--json');
  let complaint = '';
  const complain = (text: string): void => {
    complaint += text;
  };
  const end = (code: ExitCode): void => {
    process.exitCode = code;
  };
  try {
    await createProgram(end, isJson ? complain : undefined).parseAsync([...argv]);
  } catch (error) {
    process.exitCode = exitCodeOf(error);
    tell(error, { isJson, complaint });
  }
}

/**
 * A reader that goes away, such as `head`, ends the output, and not with a stack trace. What was cut off before its end
 * was known has not succeeded.
 */
function endWhenReaderGoes(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(process.exitCode ?? EXIT.failed);
}

function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  return USAGE.includes(codeOf(error)) ? EXIT.usage : EXIT.failed;
}

function codeOf(error: unknown): ErrorCode {
  return error instanceof TheseusError ? error.code : 'internal';
}

function tell(error: unknown, { isJson, complaint }: { readonly isJson: boolean; readonly complaint: string }): void {
  if (error instanceof CommanderError) {
    if (isJson && error.exitCode !== 0) tellJson('invalid-argument', complaint.trim());
    return;
  }
  if (isJson) tellJson(codeOf(error), errorText(error));
  else process.stderr.write(`theseus: ${errorText(error)} [${codeOf(error)}]\n`);
  if (process.env['THESEUS_DEBUG'] !== undefined && error instanceof Error) process.stderr.write(`${error.stack}\n`);
}

function tellJson(code: ErrorCode, message: string): void {
  process.stderr.write(`${JSON.stringify({ kind: 'error', code, message })}\n`);
}
