import type { Reading } from '@theseus/core/health';
import type { Signal } from '@theseus/core/plan';
import type { runCommand } from '../commands/run-command.ts';
import { noReading, valueReading } from './reading.ts';

export interface CommandSourceOptions {
  readonly allowRun: boolean;
  readonly folder: string;
  readonly run: typeof runCommand;
}

const TIMEOUT_MS = 10_000;

/** Reads the number on the last line a command prints. */
export async function readCommandSignal(
  signal: Signal,
  argv: readonly string[],
  options: CommandSourceOptions,
): Promise<Reading> {
  const of = { signal: signal.name, source: `command ${argv.join(' ')}` };
  if (!options.allowRun)
    return noReading(of, 'error', 'commands are not allowed on this server: start it with --allow-run');
  const { exitCode, output, problem } = await options.run(argv, { folder: options.folder, timeoutMs: TIMEOUT_MS });
  if (problem !== null) return noReading(of, 'error', problem);
  if (exitCode !== 0) return noReading(of, 'error', `the command ended with exit code ${exitCode}`);
  return valueReading(of, output.trimEnd().split('\n').at(-1)?.trim());
}
