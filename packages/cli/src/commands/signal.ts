import { TheseusError } from '@theseus/core/error';
import type { Command } from 'commander';
import { connect } from '../api-client/connect.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { outputFor } from '../output.ts';
import { type ServerOptions, wholeNumber, withServerOptions } from './shared-options.ts';

interface SignalOptions extends ServerOptions {
  readonly run?: string;
  readonly flag?: string;
  readonly env?: string;
  readonly sample?: number;
}

export function addSignal(program: Command, end: (code: ExitCode) => void): void {
  withServerOptions(
    program
      .command('signal')
      .description('report a value for a signal, such as complaints or open P0 bugs')
      .argument('<name>', 'the signal')
      .argument('<value>', 'a number in the unit of the signal'),
  )
    .option('--sample <number>', 'what it was counted from, such as the people who answered', wholeNumber)
    .option('--run <run>', 'only for this run')
    .option('--flag <flag>', 'only for this flag')
    .option('--env <environment>', 'only for runs of this environment')
    .addHelpText(
      'after',
      '\nExamples:\n  $ theseus signal complaints 3.5\n  $ theseus signal satisfaction 92 --sample 140\n  $ theseus signal p0-bugs 1 --flag cv-analyzer --env staging',
    )
    .action(async (name: string, text: string, options: SignalOptions) => {
      const value = Number(text);
      if (text.trim() === '' || !Number.isFinite(value)) {
        throw new TheseusError('invalid-argument', `'${text}' is not a number`);
      }
      const { run, flag, env, sample } = options;
      const { usedBy } = await (await connect(options)).reportSignal(name, value, {
        ...(sample === undefined ? {} : { sample }),
        ...(run === undefined ? {} : { run }),
        ...(flag === undefined ? {} : { flag }),
        ...(env === undefined ? {} : { environment: env }),
      });
      const output = outputFor(options);
      output.say(`${name} = ${value} reported`);
      output.emit({ kind: 'reported', name, value, usedBy });
      if (usedBy.length === 0) {
        output.warn(
          `No unfinished run reads a reported signal '${name}'; it is kept for one that starts while it is fresh.`,
        );
      }
      end(EXIT.done);
    });
}
