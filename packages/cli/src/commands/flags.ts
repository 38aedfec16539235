import { DEFAULT_ENVIRONMENT, type EvaluationContext, explainFlag, type FlagExplanation } from '@theseus/core/flag';
import { type Command, InvalidArgumentError } from 'commander';
import { connect } from '../api-client/connect.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { outputFor } from '../output.ts';
import { answerText, explanationLines, flagLines, flagListLines, noFlags } from '../render/flag-lines.ts';
import { addFlagsStale } from './flags-stale.ts';
import { addFlagsStatic } from './flags-static.ts';
import { type ServerOptions, withEnvironment } from './shared-options.ts';

interface FlagOptions extends ServerOptions {
  readonly environment?: string;
}

interface EvaluationOptions extends FlagOptions {
  readonly context?: EvaluationContext;
}

/** The commands about flags, whatever plan they belong to. */
export function addFlags(program: Command, end: (code: ExitCode) => void): void {
  const flags = program
    .command('flags')
    .description('look at flags: how far each has come, what it answers to whom and why, which are to be removed')
    .addHelpText(
      'after',
      "\nExamples:\n  $ theseus flags list --environment production\n  $ theseus flags explain cache --context userId=ana\n  $ theseus flags stale --scan .\n\n'theseus flags COMMAND --help' tells more of each.",
    );
  addList(flags, end);
  addShow(flags, end);
  addEvaluate(flags, end);
  addExplain(flags, end);
  addFlagsStale(flags, end);
  addFlagsStatic(flags, end);
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

const CONTEXT_HELP = `
Values that are numbers, true or false are taken as such; write '"42"' for the text 42. Without --context nobody is
asked about. The answer is worked out here, by the evaluator that SDKs use.`;

function withContext(command: Command): Command {
  return withEnvironment(command.argument('<flag>', 'its key'), `${DEFAULT_ENVIRONMENT} where absent`).option(
    '--context <name=value>',
    'an attribute of the subject; may be given again',
    collectContext,
  );
}

function addEvaluate(flags: Command, end: (code: ExitCode) => void): void {
  withContext(flags.command('evaluate').description('say what a flag answers to a subject'))
    .addHelpText(
      'after',
      `${CONTEXT_HELP}\n\nExamples:\n  $ theseus flags evaluate cache --context userId=ana\n  $ theseus flags evaluate cache --context userId=ana --context country=de --json\n\nExit code: 0 answered, 1 there is no such flag`,
    )
    .action(async (key: string, options: EvaluationOptions) => {
      const { evaluation } = await explained(key, options);
      const output = outputFor(options);
      output.emit({ kind: 'evaluation', ...evaluation, variant: evaluation.arm });
      output.say(`${key}: ${answerText(evaluation)}`);
      end(evaluation.errorCode === 'FLAG_NOT_FOUND' ? EXIT.failed : EXIT.done);
    });
}

function addExplain(flags: Command, end: (code: ExitCode) => void): void {
  withContext(flags.command('explain').description('say why a flag answers so: each test in its order'))
    .addHelpText(
      'after',
      `${CONTEXT_HELP}\n\nExamples:\n  $ theseus flags explain cache --context userId=ana\n  $ theseus flags explain cache --environment production --context userId=ana --context country=de\n\nExit code: 0 answered, 1 there is no such flag`,
    )
    .action(async (key: string, options: EvaluationOptions) => {
      const explanation = await explained(key, options);
      const output = outputFor(options);
      output.emit({ kind: 'explanation', ...explanation });
      output.say(`${key} in ${options.environment ?? DEFAULT_ENVIRONMENT}, version ${explanation.evaluation.version}`);
      for (const line of explanationLines(explanation)) output.say(line);
      end(explanation.evaluation.errorCode === 'FLAG_NOT_FOUND' ? EXIT.failed : EXIT.done);
    });
}

async function explained(key: string, options: EvaluationOptions): Promise<FlagExplanation> {
  const client = await connect(options);
  const document = await client.flagDocument(options.environment ?? DEFAULT_ENVIRONMENT);
  return explainFlag(document, key, options.context ?? {});
}

function collectContext(text: string, before: EvaluationContext = {}): EvaluationContext {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError(`write it as name=value, not '${text}'.`);
  return { ...before, [text.slice(0, at)]: attributeValue(text.slice(at + 1)) };
}

/** A number, true or false, a text in JSON's quotes, or the text as it stands. */
function attributeValue(text: string): string | number | boolean {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  } catch {
    // Nothing that JSON knows is plain text.
  }
  return text;
}
