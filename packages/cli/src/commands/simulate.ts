import { TheseusError } from '@theseus/core/error';
import { compressPlan, type Plan } from '@theseus/core/plan';
import { parseWhatIf, type SimulationResult, simulate } from '@theseus/core/simulate';
import { formatDuration, parseDuration, parseInstant } from '@theseus/core/time';
import type { Command } from 'commander';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { type Output, outputFor } from '../output.ts';
import { readPlanFile, tellDiagnostics } from '../plan-file/read-plan-file.ts';
import { describeEvent, utcClock } from '../render/describe-event.ts';
import { collect, collectVariable, factor, wholeNumber } from './shared-options.ts';

interface SimulateOptions {
  readonly whatIf?: readonly string[];
  readonly set?: Readonly<Record<string, string>>;
  readonly start?: string;
  readonly compress: number;
  readonly approvalAfter: string;
  readonly seed: number;
  readonly all?: boolean;
  readonly json?: boolean;
}

export function addSimulate(program: Command, end: (code: ExitCode) => void): void {
  program
    .command('simulate')
    .description('play a plan in virtual time with modelled traffic and people; touches nothing')
    .argument('<file>', 'plan file')
    .option('--what-if <fault>', "a fault, such as 'errors=8% at 2h'; may be repeated", collect)
    .option('--set <name=value>', 'a value for a variable of the plan', collectVariable)
    .option('--start <instant>', 'when it begins, such as 2026-05-04T09:00:00Z; now where absent')
    .option('--compress <factor>', 'divide all times of the plan', factor, 1)
    .option('--approval-after <duration>', 'how long people take to agree', '10m')
    .option('--seed <number>', 'of the modelled traffic', wholeNumber, 1)
    .option('--all', 'show every event, not only what people care about')
    .option('--json', 'print NDJSON: one line per event, then a summary')
    .addHelpText(
      'after',
      "\nExamples:\n  $ theseus simulate plan.yaml\n  $ theseus simulate plan.yaml --what-if 'errors=8% at 2h'\n  $ theseus simulate plan.yaml --what-if 'latency[cache]=900ms at 3d for 10m' --start 2026-05-04T09:00:00Z",
    )
    .action(async (file: string, options: SimulateOptions) => {
      const output = outputFor(options);
      const { plan, diagnostics, text } = await readPlanFile(file, options.set ?? {});
      if (plan === null) {
        tellDiagnostics(diagnostics, text, output);
        return end(EXIT.usage);
      }
      const result = play(compressPlan(plan, options.compress), options);
      show(result, options, output);
      end(result.outcome === 'succeeded' ? EXIT.done : result.outcome === 'unfinished' ? EXIT.waiting : EXIT.failed);
    });
}

function play(plan: Plan, options: SimulateOptions): SimulationResult {
  const startAt = options.start === undefined ? Date.now() : parseInstant(options.start);
  if (startAt === null)
    throw new TheseusError('invalid-argument', `Cannot read the start '${options.start}': write 2026-05-04T09:00:00Z`);
  const approvalDelayMs = parseDuration(options.approvalAfter);
  if (approvalDelayMs === null)
    throw new TheseusError('invalid-argument', `Cannot read '${options.approvalAfter}': write 10m or 1h`);
  const whatIf = (options.whatIf ?? []).flatMap((text) => parseWhatIf(text, plan));
  return simulate(plan, { startAt, whatIf, approvalDelayMs, seed: options.seed });
}

/** What belongs to the machinery and not to the story. */
const MACHINERY = ['effect.requested', 'effect.finished', 'flag.exposure-confirmed', 'step.started', 'watch.soaked'];

function show(result: SimulationResult, options: SimulateOptions, output: Output): void {
  for (const event of result.events) {
    output.emit({ kind: 'event', ...(event.type === 'run.started' ? { ...event, plan: event.plan.name } : event) });
    if (!options.all && MACHINERY.includes(event.type)) continue;
    const after = formatDuration(event.at - result.startedAt).padStart(8);
    output.say(
      `${utcClock(event.at)}  +${after}  ${describeEvent(event)}${event.type === 'rollback.initiated' || event.type === 'step.held' ? ` — ${event.reason}` : ''}`,
    );
  }
  const lasted = formatDuration(result.endedAt - result.startedAt);
  const flags = result.view.flags.map(({ key, exposurePercent, status }) => ({ key, exposurePercent, status }));
  output.emit({
    kind: 'summary',
    outcome: result.outcome,
    startedAt: result.startedAt,
    endedAt: result.endedAt,
    checks: result.checks,
    flags,
    stuckOn: result.stuckOn,
  });
  output.say(
    `\n${result.outcome === 'succeeded' ? '✓' : '✗'} ${result.outcome} after ${lasted}, ${result.checks} health checks, ${result.events.length} events`,
  );
  for (const { key, exposurePercent, status } of flags) output.say(`  ${key}: ${exposurePercent} %, ${status}`);
  for (const wait of result.stuckOn) output.say(`  stuck: ${wait.text} Ended by ${wait.endedBy}.`);
}
