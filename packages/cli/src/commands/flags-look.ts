import { DEFAULT_ENVIRONMENT } from '@theseus/core/flag';
import type { Command } from 'commander';
import { connect } from '../api-client/connect.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { outputFor } from '../output.ts';
import { flagLines, flagListLines, noFlags } from '../render/flag-lines.ts';
import { type ServerOptions, withEnvironment } from './shared-options.ts';

interface FlagOptions extends ServerOptions {
  readonly environment?: string;
}

/** `theseus flags list` and `show`: how far flags have come. */
export function addFlagsLooking(flags: Command, end: (code: ExitCode) => void): void {
  addList(flags, end);
  addShow(flags, end);
}

const STATES = `
States: dark (nobody), internal (only people who are named or in a segment), ramping, full (100 %), retiring (its
step retire has begun), retired (the candidate for good).`;

function addList(flags: Command, end: (code: ExitCode) => void): void {
  withEnvironment(
    flags.command('list').description('list flags with plan, exposure, state, last change and instances'),
    'all of them where absent',
  )
    .addHelpText(
      'after',
      `${STATES}\n\nExamples:\n  $ theseus flags list\n  $ theseus flags list --environment production --json`,
    )
    .action(async (options: FlagOptions) => {
      const found = await (await connect(options)).flags(options.environment);
      const output = outputFor(options);
      for (const flag of found) output.emit({ kind: 'flag', ...flag });
      if (found.length === 0) output.say(noFlags(options.environment));
      else for (const line of flagListLines(found)) output.say(line);
      end(EXIT.done);
    });
}

function addShow(flags: Command, end: (code: ExitCode) => void): void {
  withEnvironment(
    flags
      .command('show')
      .description('show one flag: definition, rules, overrides, who requires it')
      .argument('<flag>', 'its key'),
    `${DEFAULT_ENVIRONMENT} where absent`,
  )
    .addHelpText(
      'after',
      `${STATES}\n\nExamples:\n  $ theseus flags show cache\n  $ theseus flags show cache --environment production --json`,
    )
    .action(async (key: string, options: FlagOptions) => {
      const flag = await (await connect(options)).flag(key, options.environment ?? DEFAULT_ENVIRONMENT);
      const output = outputFor(options);
      output.emit({ kind: 'flag', ...flag });
      for (const line of flagLines(flag, Date.now())) output.say(line);
      end(EXIT.done);
    });
}
