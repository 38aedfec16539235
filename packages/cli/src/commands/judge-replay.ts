import { TheseusError } from '@theseus/core/error';
import {
  ANY_SIGNAL,
  type Baseline,
  beginWatch,
  type Gate,
  type GateVerdict,
  type HourOfHistory,
  hourOfWeek,
  isHealthy,
  learnShape,
  type Measurement,
  observe,
  PROFILE_NAMES,
  PROFILES,
  type ProfileName,
  type RecordedBaseline,
} from '@theseus/core/health';
import { formatDiagnostic, type Plan, suggest } from '@theseus/core/plan';
import { formatDuration, parseDuration, parseInstant } from '@theseus/core/time';
import { measureHistory, prometheusFrom } from '@theseus/server';
import { type Command, Option } from 'commander';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { type Output, outputFor } from '../output.ts';
import { readPlanFile } from '../plan-file/read-plan-file.ts';
import { type ArmOptions, addArmOptions, armQueries, comparedBy, countArms } from './replayed-arms.ts';
import { collectVariable } from './shared-options.ts';

interface ReplayOptions extends ArmOptions {
  readonly gate?: string;
  readonly flag?: string;
  readonly prometheus?: string;
  readonly from: string;
  readonly to?: string;
  readonly baseline: string;
  readonly every?: string;
  readonly profile?: ProfileName;
  readonly env?: string;
  readonly set?: Readonly<Record<string, string>>;
  readonly json?: boolean;
}

const MOST_LOOKS = 200_000;
/** What is usual in weeks is known from fewer looks than a gate would take. */
const MOST_BASELINE_LOOKS = 10_000;

const HELP = `
Asks Prometheus what was, and judges every look as a run would have: what it would have held, rolled back or warned of,
and when. Nothing is touched. Of a plan's signals only prometheus signals have a history.

Rules that compare the arms, such as 'errors worse than legacy', take counters of both: --requests and --errors, and
--latency with the buckets of a histogram. \${{ arm }} stands in them for the label's value of each arm. Without a plan
file the arms alone are judged.

Examples:
  $ theseus judge replay plan.yaml --prometheus http://prometheus:9090 --from 2026-05-04T09:00:00Z --to 2026-05-04T13:00:00Z
  $ theseus judge replay plan.yaml --gate standard --flag cache --from 24h --json
  $ theseus judge replay --from 4h --arms stable,canary --share 10% \\
      --requests 'http_requests_total{version="\${{ arm }}"}' \\
      --errors 'http_requests_total{version="\${{ arm }}",code=~"5.."}' \\
      --latency 'http_request_duration_seconds_bucket{version="\${{ arm }}"}'

Exit codes: 0 nothing would have been rolled back, 1 something would have, 2 usage`;

export function addJudgeReplay(judge: Command, end: (code: ExitCode) => void): void {
  const replaying = judge
    .command('replay')
    .description(
      'judge what Prometheus remembers, by the gate of a plan or arm against arm, to tune it before it is trusted',
    )
    .argument('[file]', 'plan file')
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
    .option('--every <duration>', "how often one looks; the gate's own where absent, or 30s")
    .addOption(
      new Option('--profile <name>', "how small a difference counts; the gate's own where absent").choices(
        PROFILE_NAMES,
      ),
    );
  addArmOptions(replaying)
    .option('--set <name=value>', 'a value for a variable of the plan', collectVariable)
    .option('--env <environment>', 'which of its environments is meant')
    .option('--json', 'print NDJSON: one line per look, then a summary')
    .addHelpText('after', HELP)
    .action(async (file: string | undefined, options: ReplayOptions) => {
      const output = outputFor(options);
      const plan = file === undefined ? null : await planFrom(file, options);
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

async function replay(plan: Plan | null, options: ReplayOptions, output: Output): Promise<ExitCode> {
  const queries = armQueries(options);
  if (plan === null && queries === null) {
    throw new TheseusError(
      'invalid-argument',
      'There is nothing to judge by: name a plan file, or counters with --requests and --errors',
    );
  }
  const chosen = withOptions(plan === null ? ARMS_ALONE : gateOf(plan, options.gate), options);
  const { from, to, baselineMs } = spanOf(options, chosen);
  const prometheus = prometheusFrom(options.prometheus) ?? null;
  const span = { from, to, baselineMs, everyMs: chosen.everyMs };
  const profile = PROFILES[chosen.profile ?? 'balanced'];
  const flag = options.flag ?? null;
  const environment = plan?.environment ?? '';
  const arms = queries && (await countArms(queries, { ...span, prometheus, profile, flag, environment }));
  const { gate, notes } = comparedBy(chosen, queries, arms);
  for (const note of notes) {
    output.emit({ kind: 'note', text: note });
    output.warn(`theseus: ${note}`);
  }
  const source = plan && { plan, gate, flag, prometheus };
  const coarse = { ...gate, everyMs: Math.max(gate.everyMs, Math.ceil(baselineMs / MOST_BASELINE_LOOKS)) };
  const before =
    source !== null && needsBaseline(gate)
      ? await measureHistory({ ...source, gate: coarse, from: from - baselineMs, to: from - gate.everyMs })
      : [];
  const read = source === null ? unread(from, to, gate) : await measureHistory({ ...source, from, to });
  const measured = arms === null ? read : read.map((known) => ({ ...known, comparison: arms.at(known.at) }));
  return tell(judgeAll(gate, measured, baselineFrom(plan?.signals ?? {}, before)), output, gate.everyMs);
}

/** Any harm that the arms show, by the same judge. */
const ARMS_ALONE: Gate = {
  name: 'arms',
  everyMs: 30_000,
  minSample: 0,
  rules: [
    {
      condition: {
        signal: ANY_SIGNAL,
        comparison: '>',
        bound: { kind: 'worse-than-legacy', metric: null },
        forMs: 0,
        text: 'worse than legacy',
      },
      action: { kind: 'rollback', scope: 'flag', overMs: 0 },
    },
  ],
};

function withOptions(gate: Gate, { every, profile }: ReplayOptions): Gate {
  const everyMs = every === undefined ? gate.everyMs : durationOf(every);
  if (everyMs <= 0) throw new TheseusError('invalid-argument', `--every: '${every}' is no time at all: write 30s`);
  return { ...gate, everyMs, ...(profile === undefined ? {} : { profile }) };
}

function spanOf(
  options: ReplayOptions,
  { everyMs }: Gate,
): { readonly from: number; readonly to: number; readonly baselineMs: number } {
  const now = Date.now();
  const from = momentOf(options.from, now, '--from');
  const to = options.to === undefined ? now : momentOf(options.to, now, '--to');
  const baselineMs = durationOf(options.baseline);
  if (!(from < to))
    throw new TheseusError('invalid-argument', 'The replay ends before it begins: --from must be earlier than --to');
  if ((to - from) / everyMs > MOST_LOOKS) {
    throw new TheseusError(
      'limit-exceeded',
      `That is more than ${MOST_LOOKS} looks: take a shorter time, or look less often with --every`,
    );
  }
  return { from, to, baselineMs };
}

function durationOf(text: string): number {
  const ms = parseDuration(text);
  if (ms === null) throw new TheseusError('invalid-argument', `'${text}' is no duration: write it like '1h'`);
  return ms;
}

function needsBaseline({ rules }: Gate): boolean {
  return rules.some(({ condition: { bound } }) => 'reference' in bound && bound.reference === 'baseline');
}

/** Looks without any signal. */
function unread(from: number, to: number, { everyMs }: Gate): readonly Measurement[] {
  const looks = Math.floor((to - from) / everyMs) + 1;
  return Array.from({ length: looks }, (_, look) => ({ at: from + look * everyMs, readings: [] }));
}

function gateOf(plan: Plan, name: string | undefined): Gate {
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
function baselineFrom(signals: Plan['signals'], measured: readonly Measurement[]): Baseline {
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

/** Nobody counted the arms before. */
const NOTHING_BEFORE = { prior: { requests: 0, errors: 0 }, segments: [] };

function judgeAll(gate: Gate, measured: readonly Measurement[], baseline: Baseline): readonly GateVerdict[] {
  const since = measured[0]?.at ?? 0;
  const judging = { begunAt: since, plannedMs: measured.length * gate.everyMs };
  const target = {
    id: 'replay',
    stepId: 'replay',
    flag: null,
    stage: -1,
    since,
    gate,
    judging: { ...NOTHING_BEFORE, ...judging },
  };
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
