import type { Command } from 'commander';
import { connect } from '../api-client/connect.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { outputFor } from '../output.ts';
import { differenceLines } from '../render/difference-lines.ts';
import { type ServerOptions, withServerOptions } from './shared-options.ts';

interface DifferenceOptions extends ServerOptions {
  readonly env?: string;
}

/** `theseus differences`: what both sides of a migration answer differently. */
export function addDifferences(program: Command, end: (code: ExitCode) => void): void {
  withServerOptions(
    program
      .command('differences')
      .description('show what the answers of both sides of a migration differ in, the most frequent place first')
      .argument('<flag>', 'the flag that migrates'),
  )
    .option('--env <environment>', 'where; default where absent')
    .addHelpText(
      'after',
      '\nSamples stand as the program that migrates has redacted them.\n\nExamples:\n  $ theseus differences cache-manager\n  $ theseus differences cache-manager --env staging --json',
    )
    .action(async (flag: string, options: DifferenceOptions) => {
      const report = await (await connect(options)).differences(flag, options.env);
      const output = outputFor(options);
      output.emit({ kind: 'differences', ...report });
      for (const line of differenceLines(report)) output.say(line);
      end(EXIT.done);
    });
}
