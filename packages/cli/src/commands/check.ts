import { errorText } from '@theseus/core/error';
import { formatDiagnostic, planHash } from '@theseus/core/plan';
import type { Command } from 'commander';
import pc from 'picocolors';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { type Output, outputFor } from '../output.ts';
import { codeFrame, environmentsIn, type PlanChoice, readPlanFile } from '../plan-file/read-plan-file.ts';
import { collectVariable } from './shared-options.ts';

export function addCheck(program: Command, end: (code: ExitCode) => void): void {
  program
    .command('check')
    .description('check plan files and tell every problem with its line and mend')
    .argument('<files...>', 'plan files (YAML, JSON or TypeScript)')
    .option('--set <name=value>', 'a value for a variable of the plan', collectVariable)
    .option('--env <environment>', 'only this one of its environments; all of them where absent')
    .option('--json', 'print NDJSON: one line per problem, then one per file and environment with its checked plan')
    .addHelpText(
      'after',
      '\nExamples:\n  $ theseus check plan.yaml\n  $ theseus check plan.yaml --set front=http://127.0.0.1:8080\n  $ theseus check *.yaml --json',
    )
    .action(async (files: string[], options: PlanChoice & { readonly json?: boolean }) => {
      const output = outputFor(options);
      let isValid = true;
      for (const file of files) isValid = (await checkEverywhere(file, options, output)) && isValid;
      end(isValid ? EXIT.done : EXIT.usage);
    });
}

/** A plan with environments is checked as it is in each of them. */
async function checkEverywhere(file: string, choice: PlanChoice, output: Output): Promise<boolean> {
  const names = choice.env === undefined ? await environmentsIn(file) : [];
  if (names.length === 0) return checkFile(file, choice, output);
  let isValid = true;
  for (const env of names) isValid = (await checkFile(file, { ...choice, env }, output)) && isValid;
  return isValid;
}

async function checkFile(file: string, choice: PlanChoice, output: Output): Promise<boolean> {
  const read = await readPlanFile(file, choice).catch((error: unknown) => tellUnreadable(file, error, output));
  if (read === null) return false;
  const { plan, diagnostics, text } = read;
  for (const diagnostic of diagnostics) {
    output.emit({ kind: 'diagnostic', ...diagnostic });
    const line = formatDiagnostic(diagnostic);
    output.say(output.color ? (diagnostic.severity === 'error' ? pc.red(line) : pc.yellow(line)) : line);
    for (const frame of codeFrame(diagnostic, text)) output.say(frame);
  }
  const errors = diagnostics.filter(({ severity }) => severity === 'error').length;
  const warnings = diagnostics.length - errors;
  output.emit({
    kind: 'checked',
    file,
    ...(choice.env === undefined ? {} : { environment: choice.env }),
    valid: plan !== null,
    errors,
    warnings,
    ...(plan === null ? {} : { planHash: planHash(plan), plan }),
  });
  const counts = `${count(errors, 'error')}, ${count(warnings, 'warning')}`;
  const where = choice.env === undefined ? file : `${file} in ${choice.env}`;
  if (plan === null) output.say(`\n✗ ${where} is not valid: ${counts}`);
  else {
    const steps = plan.phases.reduce((sum, phase) => sum + phase.steps.length, 0);
    output.say(
      `✓ ${where}: ${count(plan.phases.length, 'phase')}, ${count(steps, 'step')}, ${count(Object.keys(plan.flags).length, 'flag')}; ${counts}`,
    );
  }
  return plan !== null;
}

/** One file that cannot be read does not keep the others from being checked. */
function tellUnreadable(file: string, error: unknown, output: Output): null {
  output.emit({ kind: 'checked', file, valid: false, errors: 1, warnings: 0, problem: errorText(error) });
  output.warn(`theseus: ${errorText(error)}`);
  return null;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
