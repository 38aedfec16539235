import { DEFAULT_ENVIRONMENT, type EvaluationContext, explainFlag, type FlagExplanation } from '@theseus/core/flag';
import { type Command, InvalidArgumentError } from 'commander';
import { connect } from '../api-client/connect.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { outputFor } from '../output.ts';
import { answerText, explanationLines } from '../render/flag-lines.ts';
import { type ServerOptions, withEnvironment } from './shared-options.ts';

interface EvaluationOptions extends ServerOptions {
  readonly environment?: string;
  readonly context?: EvaluationContext;
}

/** `theseus flags evaluate` and `explain`: what a flag answers to a subject, and why. */
export function addFlagsEvaluating(flags: Command, end: (code: ExitCode) => void): void {
  addEvaluate(flags, end);
  addExplain(flags, end);
}

const CONTEXT_HELP = `
Values that are numbers, true or false are taken as such; write '"42"' for the text 42. Without --context nobody is
asked about. The answer is worked out here, by the evaluator that SDKs use; for a flag that decides each call by itself
a number is drawn each time.`;

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
      output.emit({ kind: 'evaluation', ...evaluation });
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
  return explainFlag(document, key, options.context ?? {}, Math.random());
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
