import { Command } from 'commander';
import { addActions } from './commands/actions.ts';
import { addApply } from './commands/apply.ts';
import { addCheck } from './commands/check.ts';
import { addDoctor } from './commands/doctor.ts';
import { addFlags } from './commands/flags.ts';
import { addInit } from './commands/init.ts';
import { addJudge } from './commands/judge.ts';
import { addLooking } from './commands/look.ts';
import { addRun } from './commands/run.ts';
import { addServe } from './commands/serve.ts';
import { addSignal } from './commands/signal.ts';
import { addSimulate } from './commands/simulate.ts';
import { addTrigger } from './commands/trigger.ts';
import { addWorker } from './commands/worker.ts';
import type { ExitCode } from './exit-codes.ts';

export const VERSION = '0.1.0';

/**
 * The whole command line. `end` is told the exit code of the command that ran, `complain` what is wrong with how it was
 * written; without it that goes to standard error.
 */
export function createProgram(end: (code: ExitCode) => void, complain?: (text: string) => void): Command {
  const program = new Command('theseus')
    .configureOutput(complain === undefined ? {} : { writeErr: complain })
    .description('Moves live systems from an old path to a new one without users noticing, with proof')
    .version(VERSION)
    .showHelpAfterError('(run it with --help for what it takes)')
    .exitOverride()
    .addHelpText(
      'after',
      '\nExamples:\n  $ theseus init && theseus check plan.yaml\n  $ theseus simulate plan.yaml\n  $ theseus serve --allow-run\n  $ theseus run plan.yaml\n  $ theseus watch\n\nExit codes: 0 done, 1 failed or rolled back, 2 usage or invalid plan, 3 held or waiting',
    );
  addInit(program, end);
  addCheck(program, end);
  addSimulate(program, end);
  addRun(program, end);
  addServe(program, end);
  addWorker(program, end);
  addDoctor(program, end);
  addLooking(program, end);
  addFlags(program, end);
  addActions(program, end);
  addApply(program, end);
  addTrigger(program, end);
  addSignal(program, end);
  addJudge(program, end);
  return program;
}
