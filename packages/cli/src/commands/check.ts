import { errorText } from '@theseus/core/error';
import { formatDiagnostic, type Plan, planHash } from '@theseus/core/plan';
import { proofFindings, proofTimes, sortFindings } from '@theseus/core/simulate';
import type { Command } from 'commander';
import pc from 'picocolors';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { locateFindings } from '../foresight/locate-findings.ts';
import { loadText, proofLines } from '../foresight/proof-rows.ts';
import { type Output, outputFor } from '../output.ts';
import { codeFrame, environmentsIn, type PlanChoice, readPlanFile } from '../plan-file/read-plan-file.ts';
import { collectVariable } from './shared-options.ts';
import { expectedLoad, requestsOption, type TrafficOptions, usersOption } from './traffic-options.ts';

type CheckOptions = PlanChoice & TrafficOptions;

export function addCheck(program: Command, end: (code: ExitCode) => void): void {
  program
    .command('check')
    .description('check plan files and tell every problem with its line and mend')
    .argument('<files...>', 'plan files (YAML, JSON or TypeScript)')
    .option('--set <name=value>', 'a value for a variable of the plan', collectVariable)
    .option('--env <environment>', 'only this one of its environments; all of them where absent')
    .addOption(usersOption())
    .addOption(requestsOption())
    .option('--json', 'print NDJSON: one line per problem, then one per file and environment with its checked plan')
    .addHelpText(
      'after',
      '\nExamples:\n  $ theseus check plan.yaml\n  $ theseus check plan.yaml --set front=http://127.0.0.1:8080\n  $ theseus check plan.yaml --users 1250 --requests 2\n  $ theseus check *.yaml --json',
    )
    .action(async (files: string[], options: CheckOptions & { readonly json?: boolean }) => {
      const output = outputFor(options);
      let isValid = true;
      for (const file of files) isValid = (await checkEverywhere(file, options, output)) && isValid;
      end(isValid ? EXIT.done : EXIT.usage);
    });
}

/** A plan with environments is checked as it is in each of them. */
async function checkEverywhere(file: string, choice: CheckOptions, output: Output): Promise<boolean> {
  const names = choice.env === undefined ? await environmentsIn(file) : [];
  if (names.length === 0) return checkFile(file, choice, output);
  let isValid = true;
  for (const env of names) isValid = (await checkFile(file, { ...choice, env }, output)) && isValid;
  return isValid;
}

async function checkFile(file: string, choice: CheckOptions, output: Output): Promise<boolean> {
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
    tellProof(plan, { file, text, choice }, output);
  }
  return plan !== null;
}

interface Source {
  readonly file: string;
  readonly text: string;
  readonly choice: CheckOptions;
}

/** How long it takes to show that a candidate is no worse, and what so few people cannot show. */
function tellProof(plan: Plan, { file, text, choice }: Source, output: Output): void {
  const { load, isAssumed } = expectedLoad(plan, choice);
  const proofs = proofTimes(plan, load);
  const findings = locateFindings(sortFindings(proofFindings(plan, load, proofs)), file, text);
  for (const { stages, ...ramp } of proofs) {
    for (const stage of stages) output.emit({ kind: 'proof', file, ...ramp, ...stage, ...load, isAssumed });
  }
  for (const finding of findings) output.emit({ kind: 'problem', file, ...finding });
  if (proofs.length === 0 && findings.length === 0) return;
  output.say(`  How long proof takes with ${loadText(load)}${isAssumed ? ' (assumed)' : ''}, while nothing is wrong:`);
  for (const line of proofLines(proofs)) output.say(line);
  for (const { severity, place, text: said, mend } of findings) {
    output.say(`  ${severity === 'note' ? '·' : '!'} ${place} ${said}\n    → ${mend}`);
  }
  if (isAssumed) output.say("  Say what is expected: 'traffic: { users: 10000, requests: 1 }' in the plan, or --users");
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
