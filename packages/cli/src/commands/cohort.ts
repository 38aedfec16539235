import { randomUUID } from 'node:crypto';
import { TheseusError } from '@theseus/core/error';
import { type CohortPlace, pickCohort } from '@theseus/core/flag';
import { formatDiagnostic, type Plan } from '@theseus/core/plan';
import type { Command } from 'commander';
import { connect } from '../api-client/connect.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { type Output, outputFor } from '../output.ts';
import { readPeopleFile } from '../people-file/read-people-file.ts';
import { type PlanChoice, readPlanFile } from '../plan-file/read-plan-file.ts';
import { withoutControls } from '../render/without-controls.ts';
import { collectVariable, personName, requireReason, type ServerOptions, withServerOptions } from './shared-options.ts';

interface PickOptions extends PlanChoice {
  readonly from: string;
  readonly json?: boolean;
}

interface FreezeOptions extends PickOptions, ServerOptions {
  readonly reason?: string;
  readonly as?: string;
}

/** So many of those who are not picked are told one by one; --json tells all. */
const MOST_LEFT = 20;

export function addCohort(program: Command, end: (code: ExitCode) => void): void {
  const cohort = program
    .command('cohort')
    .description('pick exactly so many people for a flag, by their place in the queue for the candidate')
    .addHelpText('after', HELP);
  withPick(cohort.command('preview').description('who would be picked, and why; changes nothing'))
    .option('--json', 'print NDJSON')
    .addHelpText('after', '\nExamples:\n  $ theseus cohort preview plan.yaml cv-analyzer --from users.csv')
    .action(async (file: string, flag: string, options: PickOptions) => {
      const { places } = await pick(file, flag, options);
      tell(outputFor(options), flag, places);
      end(EXIT.done);
    });
  withServerOptions(withPick(cohort.command('freeze').description('let in exactly those whom preview shows, for good')))
    .option('--reason <text>', 'why (required); stays in the record')
    .option('--as <person>', 'who acts; the user of this machine where absent')
    .addHelpText(
      'after',
      "\nExamples:\n  $ theseus cohort freeze plan.yaml cv-analyzer --from users.csv --reason 'the beta of May'",
    )
    .action(async (file: string, flag: string, options: FreezeOptions) => {
      const reason = requireReason(options.reason, 'cohort freeze');
      const { plan, places } = await pick(file, flag, options);
      const subjects = places.flatMap(({ subject, isPicked }) => (isPicked ? [subject] : []));
      if (subjects.length === 0) throw new TheseusError('invalid-argument', `Nobody in ${options.from} can be picked`);
      const ranked = places.filter(({ rank }) => rank !== null).length;
      const api = await connect(options);
      await api.override(flag, plan.environment, {
        subjects,
        to: 'candidate',
        asCohort: true,
        reason: `${reason} (places 1 to ${subjects.length} of ${ranked} by hash)`,
        person: personName(options.as),
        commandId: randomUUID(),
      });
      const output = outputFor(options);
      tell(output, flag, places);
      output.say(`\nThe cohort of ${flag} is frozen: ${subjects.length} people.`);
      end(EXIT.done);
    });
}

const HELP = `
  theseus cohort preview PLAN FLAG --from users.csv   who would be picked, and why
  theseus cohort freeze PLAN FLAG --from users.csv    let them in, once and for good

The flag says how many, and from which segment: cohort: { count: 12, of: invited }. The first line of the CSV file names
the columns; one of them is what the plan buckets, such as userId, and the others are attributes.

Examples:
  $ theseus cohort preview plan.yaml cv-analyzer --from users.csv
  $ theseus cohort freeze plan.yaml cv-analyzer --from users.csv --reason 'the beta of May'`;

function withPick(command: Command): Command {
  return command
    .argument('<plan>', 'the plan file')
    .argument('<flag>', 'a flag of the plan that has a cohort')
    .requiredOption('--from <file>', 'CSV: people and their attributes')
    .option('--set <name=value>', 'a value for a variable of the plan', collectVariable)
    .option('--env <environment>', 'which of its environments');
}

async function pick(
  file: string,
  flag: string,
  options: PickOptions,
): Promise<{ readonly plan: Plan; readonly places: readonly CohortPlace[] }> {
  const { plan, diagnostics } = await readPlanFile(file, options);
  if (plan === null) {
    const [first] = diagnostics.filter(({ severity }) => severity === 'error');
    const why = first === undefined ? 'see theseus check' : formatDiagnostic(first);
    throw new TheseusError('invalid-plan', `${file} is not valid: ${why}`);
  }
  const cohort = Object.hasOwn(plan.flags, flag) ? plan.flags[flag]?.cohort : undefined;
  if (cohort === undefined) {
    const able = Object.values(plan.flags).flatMap((known) => (known.cohort === undefined ? [] : known.key));
    const mend = able.length === 0 ? `add 'cohort: { count: 12 }' to it` : `those that have one: ${able.join(', ')}`;
    throw new TheseusError('invalid-argument', `${file} has no flag '${flag}' with a cohort: ${mend}`);
  }
  const segment = cohort.of === null ? undefined : plan.segments[cohort.of];
  const rule = { count: cohort.count, segment, cohort: plan.cohort, salt: plan.salt };
  return { plan, places: pickCohort(rule, await readPeopleFile(options.from, plan.cohort)) };
}

function tell(output: Output, flag: string, places: readonly CohortPlace[]): void {
  for (const place of places) output.emit({ kind: 'cohort-place', flag, ...place });
  const picked = places.filter(({ isPicked }) => isPicked);
  const left = places.filter(({ isPicked }) => !isPicked);
  for (const { subject, reason } of picked) output.say(withoutControls(`✓ ${subject}  ${reason}`));
  for (const { subject, reason } of left.slice(0, MOST_LEFT)) {
    output.say(withoutControls(`· ${subject === '' ? '(nobody)' : subject}  ${reason}`));
  }
  if (left.length > MOST_LEFT) output.say(`· and ${left.length - MOST_LEFT} more who are not picked`);
  output.say(`${picked.length} of ${places.length} picked`);
}
