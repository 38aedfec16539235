import { TheseusError } from '@theseus/core/error';
import {
  type Baseline,
  beginWatch,
  type GateVerdict,
  type HourOfHistory,
  hourOfWeek,
  isHealthy,
  learnShape,
  type Measurement,
  observe,
  type RecordedBaseline,
} from '@theseus/core/health';
import { formatDiagnostic, type Plan, suggest } from '@theseus/core/plan';
import { formatDuration, parseDuration, parseInstant } from '@theseus/core/time';
import { measureHistory, prometheusFrom } from '@theseus/server';
import type { Command } from 'commander';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { type Output, outputFor } from '../output.ts';
import { readPlanFile } from '../plan-file/read-plan-file.ts';
import { collectVariable } from './shared-options.ts';

interface ReplayOptions {
  readonly gate?: string;
  readonly flag?: string;
  readonly prometheus?: string;
  readonly from: string;
  readonly to?: string;
  readonly baseline: string;
  readonly env?: string;
  readonly set?: Readonly<Record<string, string>>;
  readonly json?: boolean;
}

const MOST_LOOKS = 200_000;
/** What is usual in weeks is known from fewer looks than a gate would take. */
const MOST_BASELINE_LOOKS = 10_000;

const HELP = `
Asks Prometheus what the signals of a gate were, and judges every look as a run would have: what it would have held,
rolled back or warned of, and when. Nothing is touched. Only prometheus signals have a history.

Examples:
  $ theseus judge replay plan.yaml --prometheus http://prometheus:9090 --from 2026-05-04T09:00:00Z --to 2026-05-04T13:00:00Z
  $ theseus judge replay plan.yaml --gate standard --flag cache --from 24h --json

Exit codes: 0 nothing would have been rolled back, 1 something would have, 2 usage`;

export function addJudgeReplay(judge: Command, end: (code: ExitCode) => void): void {
  judge
    .command('replay')
    .description("judge what Prometheus remembers by a plan's gate, to tune it before it is trusted")
    .argument('<file>', 'plan file')
    .requiredOption('--from <when>', 'an instant, or how long ago: 2026-05-04T09:00:00Z, 24h')
    .option('--to <when>', 'an instant, or how long ago; now where absent')
    .option('--gate <name>', 'the gate; needed where the plan has several')
    .option('--flag <flag>', 'the flag that queries ask for')
    .option('--prometheus <url>', 'the Prometheus of signals that name none (THESEUS_PROMETHEUS_URL)')
    .option(
      '--baseline <duration>',
      'how long before the start the baseline is taken; from 2w on it knows the hours of the week',
      '1h',
    )
    .option('--set <name=value>', 'a value for a variable of the plan', collectVariable)
    .option('--env <environment>', 'which of its environments is meant')
    .option('--json', 'print NDJSON: one line per look, then a summary')
    .addHelpText('after', HELP)
    .action(async (file: string, options: ReplayOptions) => {
      const output = outputFor(options);
      const plan = await planFrom(file, options);
      end(await replay(plan, options, output));
    });
}

async function planFrom(file: string, { env, set }: ReplayOptions): Promise<Plan> {
  const { plan, diagnostics } = await readPlanFile(file, {
    ...(env === undefined ? {} : { env }),
    ...(set === undefined ? {} : { set }),
  });
  if (plan !== null) return plan;
  throw new TheseusError('invalid-argument', `The plan is not valid:\n${diagnostics.map(formatDiagnostic).join('\n')}`);
}

async function replay(plan: Plan, options: ReplayOptions, output: Output): Promise<ExitCode> {
  const gate = gateOf(plan, options.gate);
  const now = Date.now();
  const from = momentOf(options.from, now, '--from');
  const to = options.to === undefined ? now : momentOf(options.to, now, '--to');
  const baselineMs = parseDuration(options.baseline);
  if (baselineMs === null)
    throw new TheseusError('invalid-argument', `'${options.baseline}' is no duration: write it like '1h'`);
  if (!(from < to))
    throw new TheseusError('invalid-argument', 'The replay ends before it begins: --from must be earlier than --to');
  if ((to - from) / gate.everyMs > MOST_LOOKS) {
    throw new TheseusError(
      'limit-exceeded',
      `That is more than ${MOST_LOOKS} looks: take a shorter time, or a slower gate`,
    );
  }
  const prometheus = prometheusFrom(options.prometheus) ?? null;
  const source = { plan, gate, flag: options.flag ?? null, prometheus };
  const needsBaseline = gate.rules.some(
    ({ condition: { bound } }) => 'reference' in bound && bound.reference === 'baseline',
  );
  const coarse = { ...gate, everyMs: Math.max(gate.everyMs, Math.ceil(baselineMs / MOST_BASELINE_LOOKS)) };
  const before = needsBaseline
    ? await measureHistory({ ...source, gate: coarse, from: from - baselineMs, to: from - gate.everyMs })
    : [];
  const measured = await measureHistory({ ...source, from, to });
  return tell(judgeAll(gate, measured, baselineFrom(plan, before)), output, gate.everyMs);
}

function gateOf(plan: Plan, name: string | undefined): Plan['gates'][string] {
  const names = Object.keys(plan.gates);
  const chosen = name ?? (names.length === 1 ? names[0] : undefined);
  if (chosen === undefined) {
    throw new TheseusError(
      'invalid-argument',
      `The plan has ${names.length} gates: choose one with --gate (${names.join(', ')})`,
    );
  }
  const gate = plan.gates[chosen];
  if (gate === undefined) {
    throw new TheseusError('invalid-argument', `The plan has no gate '${chosen}': ${suggest(chosen, names)}`);
  }
  return gate;
}

function momentOf(text: string, now: number, option: string): number {
  const ago = parseDuration(text);
  const moment = ago === null ? parseInstant(text) : now - ago;
  if (moment !== null) return moment;
  throw new TheseusError(
    'invalid-argument',
    `${option}: '${text}' is neither an instant nor a duration: write 2026-05-04T09:00:00Z or 24h`,
  );
}

/** The mean of what was measured, by signal; where two weeks and more were, at each hour of the week. */
function baselineFrom({ signals }: Plan, measured: readonly Measurement[]): Baseline {
  const hours = new Map<string, HourOfHistory[]>();
  for (const { at, readings } of measured) {
    for (const { signal, status, value } of readings) {
      if (status !== 'ok' || value === null) continue;
      const row = { ...hourOfWeek(at), sum: value, weight: 1 };
      const known = hours.get(signal);
      if (known === undefined) hours.set(signal, [row]);
      else known.push(row);
    }
  }
  const over = { from: measured[0]?.at ?? 0, to: measured.at(-1)?.at ?? 0 };
  return Object.fromEntries(
    [...hours].map(([signal, rows]): readonly [string, RecordedBaseline] => {
      const value = rows.reduce((sum, row) => sum + row.sum, 0) / rows.length;
      const learnt = learnShape(rows, value);
      const shape = learnt.kind === 'shape' ? { shape: learnt.shape } : { noShape: learnt.why };
      return [signal, { value, unit: signals[signal]?.unit ?? 'count', over, source: 'prometheus', ...shape }];
    }),
  );
}

function judgeAll(
  gate: Plan['gates'][string],
  measured: readonly Measurement[],
  baseline: Baseline,
): readonly GateVerdict[] {
  const target = { id: 'replay', stepId: 'replay', flag: null, stage: -1, since: measured[0]?.at ?? 0, gate };
  let watch = beginWatch(target, target.since);
  return measured.flatMap((measurement) => {
    watch = observe(watch, gate, measurement, baseline, { counting: true });
    return watch.verdict ?? [];
  });
}

/** A line whenever the verdict changes, and a summary. */
function tell(verdicts: readonly GateVerdict[], output: Output, everyMs: number): ExitCode {
  let last = '';
  for (const { at, verdict, action, text } of verdicts) {
    const time = new Date(at).toISOString();
    output.emit({ kind: 'look', at: time, verdict, action: action?.kind ?? null, text });
    const line = `${verdict}${action === null ? '' : ` → ${action.kind}`}`;
    if (line !== last) output.say(`${time}  ${line.padEnd(18)} ${text}`);
    last = line;
  }
  const healthy = verdicts.filter(({ verdict }) => isHealthy(verdict)).length;
  const blind = verdicts.filter(({ verdict }) => verdict === 'inconclusive' || verdict === 'error').length;
  const rollbacks = verdicts.filter(({ action }) => action?.kind === 'rollback');
  const first = rollbacks[0];
  const looks = verdicts.length;
  output.emit({
    kind: 'replayed',
    looks,
    healthy,
    blind,
    rollbacks: rollbacks.length,
    firstRollback: first === undefined ? null : new Date(first.at).toISOString(),
  });
  output.say(`\n${looks} looks over ${formatDuration(looks * everyMs)}: ${healthy} healthy, ${blind} blind.`);
  output.say(
    first === undefined
      ? '✓ Nothing would have been rolled back.'
      : `✗ It would have been rolled back at ${new Date(first.at).toISOString()}: ${first.text}`,
  );
  return first === undefined ? EXIT.done : EXIT.failed;
}
