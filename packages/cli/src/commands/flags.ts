import type { Command } from 'commander';
import type { ExitCode } from '../exit-codes.ts';
import { addFlagsEvaluating } from './flags-evaluate.ts';
import { addFlagsLooking } from './flags-look.ts';
import { addFlagsOverriding } from './flags-override.ts';
import { addFlagsStale } from './flags-stale.ts';
import { addFlagsStatic } from './flags-static.ts';

/** The commands about flags, whatever plan they belong to. */
export function addFlags(program: Command, end: (code: ExitCode) => void): void {
  const flags = program
    .command('flags')
    .description(
      'look at flags: how far each has come, what it answers to whom and why, which are to be removed; let single subjects in or keep them out',
    )
    .addHelpText(
      'after',
      "\nExamples:\n  $ theseus flags list --environment production\n  $ theseus flags explain cache --context userId=ana\n  $ theseus flags stale --scan .\n\n'theseus flags COMMAND --help' tells more of each.",
    );
  addFlagsLooking(flags, end);
  addFlagsEvaluating(flags, end);
  addFlagsOverriding(flags, end);
  addFlagsStale(flags, end);
  addFlagsStatic(flags, end);
}
