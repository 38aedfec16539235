import { TheseusError } from '@theseus/core/error';
import { DEFAULT_ENVIRONMENT, flagdDefinitions } from '@theseus/core/flag';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { connect } from '../api-client/connect.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { outputFor } from '../output.ts';
import { flagVariables, VARIABLE_FORMATS, type VariableFormat, variableLines } from '../render/flag-variables.ts';
import { type ServerOptions, withEnvironment } from './shared-options.ts';

interface StaticOptions extends ServerOptions {
  readonly environment?: string;
}

interface VariablesOptions extends StaticOptions {
  readonly prefix: string;
  readonly format: VariableFormat;
  readonly percentages?: boolean;
}

const DEFAULT_PREFIX = 'FLAG_';

/** Flags for what cannot ask a server: as environment variables, and as definitions of another evaluator. */
export function addFlagsStatic(flags: Command, end: (code: ExitCode) => void): void {
  addVariables(flags, end);
  addExport(flags, end);
}

const VARIABLES_HELP = `
For static deployments: what is written is what the flags are now, and moves no more. Flags that answer everybody the
same become true or false; where one differs by subject nothing is written, and each such flag is named with the reason.
Formats: dotenv (also for docker run --env-file), shell (export lines), json (one object), docker (ENV lines).

Examples:
  $ theseus flags env --environment production > .env
  $ eval "$(theseus flags env --format shell --prefix VITE_FLAG_)"
  $ theseus flags env new-cache new-store --percentages --format json

Exit code: 0 written, 1 refused`;

function addVariables(flags: Command, end: (code: ExitCode) => void): void {
  withEnvironment(
    flags
      .command('env')
      .description('write flags as environment variables')
      .argument('[flags...]', 'only these; all where none is named'),
    `${DEFAULT_ENVIRONMENT} where absent`,
  )
    .option('--prefix <prefix>', 'what each name begins with', prefixOption, DEFAULT_PREFIX)
    .addOption(new Option('--format <format>', 'how they are written').choices(VARIABLE_FORMATS).default('dotenv'))
    .option('--percentages', 'write flags that only their percentage decides as that number, such as 25')
    .addHelpText('after', VARIABLES_HELP)
    .action(async (only: readonly string[], options: VariablesOptions) => {
      const document = await (await connect(options)).flagDocument(options.environment ?? DEFAULT_ENVIRONMENT);
      const { prefix, percentages = false, format } = options;
      const { variables, refused } = flagVariables(document, { prefix, only, percentages });
      if (refused.length > 0) throw refusal('as environment variables', refused);
      const output = outputFor(options);
      for (const variable of variables) output.emit({ kind: 'variable', ...variable });
      for (const line of variableLines(variables, format)) output.say(line);
      if (variables.length === 0) output.warn('There is no flag to write');
      end(EXIT.done);
    });
}

function prefixOption(text: string): string {
  if (/^([A-Za-z_][A-Za-z0-9_]*)?$/.test(text)) return text;
  throw new InvalidArgumentError('write letters, digits and _, such as FLAG_.');
}

function refusal(how: string, refused: readonly { readonly flag: string; readonly why: string }[]): TheseusError {
  const each = refused.map(({ flag, why }) => `\n  ${flag}: ${why}`).join('');
  return new TheseusError('unsupported', `Cannot write ${refused.length} of the flags ${how}:${each}`);
}

const EXPORT_HELP = `
flagd then answers every subject of ASCII text as Theseus does: its 'fractional' hashes the same salt with the same key.
Segments, overrides and requirements are written out in each flag. Dates, attributes with a dot in their name and what
flagd has no words for are refused: with --partial such flags are left out and named on standard error, else nothing
is written. Text beyond ASCII is hashed otherwise by flagd's JavaScript library.

Examples:
  $ theseus flags export --format flagd > flags.json
  $ theseus flags export --format flagd --environment production --partial > flags.json

Exit code: 0 written, 1 refused`;

function addExport(flags: Command, end: (code: ExitCode) => void): void {
  withEnvironment(
    flags.command('export').description('write flags as the definitions of another evaluator'),
    `${DEFAULT_ENVIRONMENT} where absent`,
  )
    .addOption(new Option('--format <format>', 'for which').choices(['flagd']).default('flagd'))
    .option('--partial', 'leave out flags that it cannot have, instead of writing nothing')
    .addHelpText('after', EXPORT_HELP)
    .action(async (options: StaticOptions & { readonly partial?: boolean }) => {
      const document = await (await connect(options)).flagDocument(options.environment ?? DEFAULT_ENVIRONMENT);
      const exported = flagdDefinitions(document);
      const refused = exported.refused.map(({ key, why }) => ({ flag: key, why }));
      if (refused.length > 0 && !options.partial) throw refusal('for flagd', refused);
      const output = outputFor(options);
      for (const { flag, why } of refused) output.warn(`left out: ${flag}: ${why}`);
      const definitions = { $schema: 'https://flagd.dev/schema/v0/flags.json', flags: exported.flags };
      output.emit({ kind: 'definitions', format: 'flagd', definitions });
      output.say(JSON.stringify(definitions, null, 2));
      end(EXIT.done);
    });
}
