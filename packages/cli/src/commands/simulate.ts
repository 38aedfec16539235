import { writeFile } from 'node:fs/promises';
import { errorText, TheseusError } from '@theseus/core/error';
import { compressPlan, type Plan } from '@theseus/core/plan';
import { type Foresight, foresee, parseWhatIf } from '@theseus/core/simulate';
import { isZone, parseDuration, parseInstant } from '@theseus/core/time';
import type { Command } from 'commander';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { foresightLines } from '../foresight/foresight-lines.ts';
import { renderForesightPage } from '../foresight/foresight-page.ts';
import type { ForesightReport } from '../foresight/foresight-report.ts';
import { renderForesightText } from '../foresight/foresight-text.ts';
import { locateFindings } from '../foresight/locate-findings.ts';
import { outputFor } from '../output.ts';
import { readPlanFile, tellDiagnostics } from '../plan-file/read-plan-file.ts';
import { collect, collectVariable, factor, wholeNumber } from './shared-options.ts';
import { expectedLoad, requestsOption, usersOption } from './traffic-options.ts';

interface SimulateOptions {
  readonly whatIf?: readonly string[];
  readonly set?: Readonly<Record<string, string>>;
  readonly env?: string;
  readonly start?: string;
  readonly zone?: string;
  readonly compress: number;
  readonly approvalAfter: string;
  readonly users?: number;
  readonly requests?: number;
  readonly seed: number;
  readonly out?: string;
  readonly all?: boolean;
  readonly json?: boolean;
}

const WIDTH = 80;

export function addSimulate(program: Command, end: (code: ExitCode) => void): void {
  program
    .command('simulate')
    .description('play a plan in virtual time with modelled traffic and people; touches nothing')
    .argument('<file>', 'plan file')
    .option('--what-if <fault>', "a fault, or several joined by 'and'; may be repeated", collect)
    .option('--set <name=value>', 'a value for a variable of the plan', collectVariable)
    .option('--env <environment>', 'which of its environments to play')
    .option('--start <instant>', 'when it begins, such as 2026-05-04T09:00:00Z; now where absent')
    .option('--zone <zone>', "where people live, such as Europe/Berlin; that of the plan's first window, or UTC")
    .option('--compress <factor>', 'divide all times of the plan', factor, 1)
    .option('--approval-after <duration>', 'how long people take to agree', '10m')
    .addOption(usersOption())
    .addOption(requestsOption())
    .option(
      '--seed <number>',
      'of the modelled traffic; the same plan, start and seed give the same output',
      wholeNumber,
      1,
    )
    .option('--out <file>', 'write all of it as one HTML page that needs nothing else')
    .option('--all', 'show every stage and every event, however many there are')
    .option('--json', 'print NDJSON: events, timeline, cases, messages, approvals, problems, then a summary')
    .addHelpText('after', HELP)
    .action((file: string, options: SimulateOptions) => simulatePlan(file, options, end));
}

const HELP = `
Faults:
  errors=8% at 2h                      a signal has a value, from then on
  latency[cache]=900ms at 3d for 10m   only one flag's candidate, and for some time
  errors=silent at 1h                  its source has nothing to say
  instances=slow 30s at 1d             instances are late to serve what was decided
  approval=4h                          people take long; approval[step]=4h at one step
  effect[step]=fail at 2h              what a step does fails; =unknown where nobody knows
  undo[step]=fail                      what takes a step back fails

Examples:
  $ theseus simulate plan.yaml
  $ theseus simulate plan.yaml --what-if 'errors=8% at 2h and instances=slow 30s'
  $ theseus simulate plan.yaml --start 2026-05-04T09:00:00Z --zone Europe/Berlin --out report.html`;

async function simulatePlan(file: string, options: SimulateOptions, end: (code: ExitCode) => void): Promise<void> {
  const output = outputFor(options);
  const { plan, diagnostics, text } = await readPlanFile(file, options);
  if (plan === null) {
    tellDiagnostics(diagnostics, text, output);
    return end(EXIT.usage);
  }
  const foresight = play(compressPlan(plan, options.compress), options);
  const report = reportOf(foresight, { file, text, options });
  if (options.out !== undefined) await writePage(options.out, renderForesightPage(report));
  for (const line of foresightLines(report)) output.emit(line);
  const { color } = output;
  for (const line of renderForesightText(report, { color, width: WIDTH, all: options.all ?? false })) output.say(line);
  if (options.out !== undefined) output.say(`\nThe whole report is in ${options.out}`);
  end(exitCodeFor(foresight));
}

function exitCodeFor({ simulation: { outcome } }: Foresight): ExitCode {
  if (outcome === 'succeeded') return EXIT.done;
  return outcome === 'unfinished' ? EXIT.waiting : EXIT.failed;
}

function play(plan: Plan, options: SimulateOptions): Foresight {
  const startAt = options.start === undefined ? Date.now() : parseInstant(options.start);
  if (startAt === null) throw refused(`Cannot read the start '${options.start}': write 2026-05-04T09:00:00Z`);
  const approvalDelayMs = parseDuration(options.approvalAfter);
  if (approvalDelayMs === null) throw refused(`Cannot read '${options.approvalAfter}': write 10m or 1h`);
  const { zone } = options;
  if (zone !== undefined && !isZone(zone))
    throw refused(`Unknown zone '${zone}': write one such as Europe/Berlin or UTC`);
  return foresee(plan, {
    startAt,
    whatIf: (options.whatIf ?? []).flatMap((text) => parseWhatIf(text, plan)),
    approvalDelayMs,
    seed: options.seed,
    load: expectedLoad(plan, options).load,
    ...(zone === undefined ? {} : { zone }),
  });
}

interface Source {
  readonly file: string;
  readonly text: string;
  readonly options: SimulateOptions;
}

function reportOf(foresight: Foresight, { file, text, options }: Source): ForesightReport {
  const findings = locateFindings(foresight.findings, file, text);
  return { foresight, file, findings, whatIf: options.whatIf ?? [], seed: options.seed };
}

async function writePage(file: string, page: string): Promise<void> {
  try {
    await writeFile(file, page);
  } catch (error) {
    throw new TheseusError('invalid-argument', `Cannot write the report to ${file}: ${errorText(error)}`, {
      cause: error,
    });
  }
}

function refused(text: string): TheseusError {
  return new TheseusError('invalid-argument', text);
}
