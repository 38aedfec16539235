import { randomUUID } from 'node:crypto';
import { compressPlan, planHash } from '@theseus/core/plan';
import type { PlanEdit } from '@theseus/core/rollout';
import type { Command } from 'commander';
import { connect } from '../api-client/connect.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { type Output, outputFor } from '../output.ts';
import { readPlanFile, tellDiagnostics } from '../plan-file/read-plan-file.ts';
import {
  collectVariable,
  personName,
  requireReason,
  type ServerOptions,
  wholeNumber,
  withServerOptions,
} from './shared-options.ts';

interface ApplyOptions extends ServerOptions {
  readonly set?: Readonly<Record<string, string>>;
  readonly env?: string;
  readonly reason?: string;
  readonly as?: string;
  readonly revision?: number;
  readonly dryRun?: boolean;
}

export function addApply(program: Command, end: (code: ExitCode) => void): void {
  withServerOptions(
    program
      .command('apply')
      .description('replace the plan of a running run by a newer version')
      .argument('<file>', 'plan file')
      .argument('[run]', 'run id', 'latest'),
  )
    .option('--set <name=value>', 'a value for a variable of the plan', collectVariable)
    .option('--env <environment>', "the environment of the run; the run's own where absent")
    .option('--reason <text>', 'why (required); stays in the record')
    .option('--as <person>', 'who acts; the user of this machine where absent')
    .option('--revision <number>', 'refuse when the run has moved on since this revision', wholeNumber)
    .option('--dry-run', 'show what it would change, and change nothing')
    .addHelpText(
      'after',
      "\nExamples:\n  $ theseus apply plan.yaml --dry-run\n  $ theseus apply plan.yaml --reason 'slower from 50 % on'\n\nWhat has been done cannot be changed; approvals of the steps it touches are asked for anew.",
    )
    .action(async (file: string, runId: string, options: ApplyOptions) => {
      const output = outputFor(options);
      const client = await connect(options);
      const run = await client.run(runId);
      const env = options.env ?? (run.environment === 'default' ? undefined : run.environment);
      const { plan, diagnostics, text } = await readPlanFile(file, {
        ...options,
        ...(env === undefined ? {} : { env }),
      });
      tellDiagnostics(diagnostics, text, output);
      if (plan === null) return end(EXIT.usage);
      // A run in compressed time goes on in compressed time.
      const paced = compressPlan(plan, run.timeCompression);
      const { edit, events } = await client.edit(run.runId, {
        plan: paced,
        planHash: planHash(paced),
        reason: options.dryRun ? 'dry run' : requireReason(options.reason, 'apply'),
        person: personName(options.as),
        commandId: randomUUID(),
        ...(options.revision === undefined ? {} : { expectedRevision: options.revision }),
        ...(options.dryRun ? { dryRun: true } : {}),
      });
      output.emit({ kind: options.dryRun ? 'edit-preview' : 'edited', runId: run.runId, edit });
      showEdit(edit, output);
      if (edit.refusals.length > 0) return end(EXIT.usage);
      output.say(closing(run.runId, options.dryRun === true, events.length > 0));
      end(EXIT.done);
    });
}

function closing(runId: string, isDryRun: boolean, isChanged: boolean): string {
  if (isDryRun) return 'Nothing was changed.';
  return isChanged ? `${runId} goes on by the new plan.` : `nothing to do: ${runId} goes by this plan already`;
}

const SIGNS: readonly (readonly [sign: string, part: 'added' | 'changed' | 'removed'])[] = [
  ['+', 'added'],
  ['~', 'changed'],
  ['-', 'removed'],
];

function showEdit(edit: PlanEdit, output: Output): void {
  for (const [sign, part] of SIGNS) for (const id of edit[part]) output.say(`  ${sign} ${id}`);
  for (const part of edit.parts) output.say(`  ~ ${part}`);
  for (const id of edit.voided) output.say(`  ! ${id}: its approval is asked for anew`);
  for (const refusal of edit.refusals) output.warn(`  ✗ ${refusal}`);
}
