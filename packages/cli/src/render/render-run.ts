import type { RuleResult } from '@theseus/core/health';
import type {
  ContingencyView,
  HealthView,
  PhaseView,
  RollbackView,
  RunView,
  StepView,
  Timeliness,
  WaitView,
} from '@theseus/core/rollout';
import { formatDuration } from '@theseus/core/time';
import { createColors } from 'picocolors';
import { baselineLine } from './baseline-line.ts';
import { partLine } from './part-line.ts';
import { wrap } from './text-width.ts';
import { withoutControls } from './without-controls.ts';

export interface RenderOptions {
  /** Columns; longer lines are wrapped. */
  readonly width: number;
  /** Rows. What does not fit is left out of the tree of phases, never of what is waited for; unlimited where absent. */
  readonly height?: number;
  readonly color: boolean;
}

type Paint = ReturnType<typeof createColors>;

/** Glyph and word together, so that no state is told by colour alone. */
const MARKS = {
  pending: '○',
  running: '●',
  completed: '✓',
  skipped: '–',
  'rolled-back': '↩',
  held: '‖',
} as const;

/** What there is to say about a step's time; nothing while it keeps to it. */
const TIMELINESS: Readonly<Record<Timeliness, string>> = {
  'on-time': '',
  early: 'early',
  late: 'late',
  overdue: 'overdue',
};

const BAR_WIDTH = 20;
/** A plan of many flags has more than anybody reads at a glance. */
const MOST_BASELINES = 6;

/** A run as lines: a tree of phases and steps, exposure, every signal against its threshold, and what is waited for. */
export function renderRun(told: RunView, options: RenderOptions): readonly string[] {
  const view = withoutControls(told);
  const paint = createColors(options.color);
  const wrapped = (lines: readonly string[]): readonly string[] =>
    lines.flatMap((line) => wrapLine(line, options.width));
  const top = wrapped([...header(view, paint), '']);
  const bottom = wrapped([
    ...view.rollbacks.flatMap((rollback) => rollbackLines(rollback, paint)),
    ...view.contingencies.flatMap((contingency) => contingencyLines(contingency, paint)),
    ...waitLines(view, paint),
  ]);
  const room = (options.height ?? Number.POSITIVE_INFINITY) - top.length - bottom.length;
  const whole = wrapped([...view.phases.flatMap((phase) => phaseLines(phase, paint)), ...baselineLines(view, paint)]);
  if (whole.length <= room) return [...top, ...whole, ...bottom];
  const withoutBaselines = wrapped(view.phases.flatMap((phase) => phaseLines(phase, paint)));
  if (withoutBaselines.length <= room) return [...top, ...withoutBaselines, ...bottom];
  const folded = wrapped(
    view.phases.flatMap((phase) => (phase.status === 'running' ? phaseLines(phase, paint) : [phaseHead(phase, paint)])),
  );
  return [...top, ...shorten(folded, room), ...bottom];
}

/** A command that is broken stays one command when it is copied. */
function wrapLine(line: string, width: number): readonly string[] {
  if (!/^ {4}\W*(36m)?theseus /.test(line)) return wrap(line, width);
  const lines = wrap(line, width);
  if (lines.length === 1) return lines;
  return wrap(line, width - 2).map((part, index, all) => (index < all.length - 1 ? `${part} \\` : part));
}

function shorten(lines: readonly string[], room: number): readonly string[] {
  if (lines.length <= room) return lines;
  const kept = Math.max(0, room - 1);
  return [...lines.slice(0, kept), `… ${lines.length - kept} more lines`];
}

function header(view: RunView, paint: Paint): readonly string[] {
  const elapsed = formatDuration((view.endedAt ?? view.now) - view.startedAt);
  const state = view.outcome === null ? runState(view) : `${view.status}: ${view.outcome}`;
  const place = view.environment === 'default' ? '' : `  in ${view.environment}`;
  const compressed = view.timeCompression === 1 ? '' : `  time ×${view.timeCompression}`;
  return [
    `${paint.bold(view.title)}  ${stateColor(paint, view)(state)}`,
    paint.dim(`${view.runId}${place}  revision ${view.revision}  for ${elapsed}${compressed}`),
  ];
}

function runState({ status, pausedBy }: RunView): string {
  return pausedBy.includes('system') ? 'paused with the whole system' : status;
}

function stateColor(paint: Paint, view: RunView): (text: string) => string {
  if (view.outcome === 'succeeded') return paint.green;
  if (view.outcome !== null) return paint.red;
  return view.status === 'paused' ? paint.yellow : paint.cyan;
}

function phaseLines(phase: PhaseView, paint: Paint): readonly string[] {
  return [phaseHead(phase, paint), ...phase.steps.flatMap((step) => stepLines(step, paint))];
}

function phaseHead(phase: PhaseView, paint: Paint): string {
  const title = phase.title === phase.name ? phase.name : `${phase.name}: ${phase.title}`;
  return `${MARKS[phase.status]} ${paint.bold(title)} ${paint.dim(phase.status)}`;
}

function stepLines(step: StepView, paint: Paint): readonly string[] {
  const held = step.hold !== null && step.status === 'running';
  const mark = held ? MARKS.held : MARKS[step.status];
  const state = held ? paint.yellow(`held (${step.hold?.reason})`) : paint.dim(step.status);
  const kind = step.kind === step.title ? '' : `${paint.dim(step.kind)} `;
  const head = `  ${mark} ${step.title} ${kind}${state}`;
  const timely = TIMELINESS[step.timeliness ?? 'on-time'];
  const late = timely === '' ? '' : `  ${paint.yellow(timely)}`;
  const lines = [step.ramp === null ? `${head}${late}` : `${head}  ${exposureBar(step, paint)}${late}`];
  if (step.status !== 'running') return lines;
  if (step.hold !== null) lines.push(`      ${paint.yellow(step.hold.text)}`);
  if (step.mitigation !== null) lines.push(`      ${paint.dim(`mitigation: ${step.mitigation}`)}`);
  if (step.approval !== null) {
    const given = step.approval.given.length === 0 ? '' : `, agreed: ${step.approval.given.join(', ')}`;
    lines.push(
      `      ${paint.yellow('?')} ${step.approval.question} waits for ${step.approval.missing || 'the next healthy look'}${given}`,
    );
  }
  return [...lines, ...step.health.flatMap((health) => healthLines(health, step.health.length > 1, paint))];
}

/** `[███████▏····|····|···] 25 %`: how far it is, with a tick at each stage to come. */
function exposureBar({ ramp }: StepView, paint: Paint): string {
  if (ramp === null) return '';
  const cells = Array.from<unknown, string>({ length: BAR_WIDTH }, (_, index) =>
    ((index + 1) * 100) / BAR_WIDTH <= ramp.exposurePercent ? '█' : '·',
  );
  for (const stage of ramp.throughPercent) {
    const index = Math.min(BAR_WIDTH - 1, Math.ceil((stage * BAR_WIDTH) / 100) - 1);
    if (stage > ramp.exposurePercent) cells[Math.max(0, index)] = '|';
  }
  const where = ramp.move === undefined ? '' : ` at ${ramp.move.to}`;
  return `[${paint.cyan(cells.join(''))}] ${ramp.exposurePercent} %${where}`;
}

function healthLines(health: HealthView, isNamed: boolean, paint: Paint): readonly string[] {
  const name = isNamed ? `${health.flag} ` : '';
  const soak = `${formatDuration(Math.min(health.soakedMs, health.soakMs))} of ${formatDuration(health.soakMs)} healthy`;
  const verdict = health.verdict === null ? 'not judged yet' : health.verdict;
  return [
    `      ${name}${verdictColor(paint, health.verdict)(verdict)} ${paint.dim(`gate ${health.gate}, ${soak}`)}`,
    ...health.rules.map((rule) => `        ${ruleLine(rule, paint)}`),
  ];
}

function ruleLine(rule: RuleResult, paint: Paint): string {
  const mark = { pass: '✓', warn: '!', fail: '✗', inconclusive: '?', error: '⚡' }[rule.verdict];
  const sample = rule.sample === null ? '' : `  n=${rule.sample}`;
  if (rule.evidence !== undefined) {
    const evidence = `evidence ${short(rule.evidence)} of ${short(rule.required ?? 0)}`;
    return `${verdictColor(paint, rule.verdict)(`${mark} ${rule.rule}`)}  ${evidence}${paint.dim(sample)}  ${rule.text}`;
  }
  const value = rule.value === null ? '–' : short(rule.value);
  const threshold = rule.threshold === null ? '?' : short(rule.threshold);
  const why = rule.verdict === 'pass' ? '' : `  ${rule.text}`;
  return `${verdictColor(paint, rule.verdict)(`${mark} ${rule.rule}`)}  ${value} against ${threshold}${paint.dim(sample)}${why}`;
}

function verdictColor(paint: Paint, verdict: RuleResult['verdict'] | null): (text: string) => string {
  switch (verdict) {
    case 'pass':
      return paint.green;
    case 'warn':
    case 'inconclusive':
      return paint.yellow;
    case 'error':
    case 'fail':
      return paint.red;
    case null:
      return paint.dim;
  }
}

function rollbackLines(rollback: RollbackView, paint: Paint): readonly string[] {
  const took =
    rollback.durationMs === null ? 'running' : `${rollback.status} in ${formatDuration(rollback.durationMs)}`;
  const budget = `budget ${formatDuration(rollback.budgetMs)}${rollback.withinBudget === false ? ' exceeded' : ''}`;
  const color = rollback.status === 'failed' ? paint.red : paint.yellow;
  return [
    color(`↩ ${rollback.id} of ${rollback.scope} ${rollback.target}: ${took}, ${budget}`),
    `    ${rollback.reason}`,
    ...rollback.parts.map((part) => `    ${partLine(part)}`),
    ...(rollback.failure === null ? [] : [`    ✗ ${rollback.failure}`]),
  ];
}

/** What conditions compare with: the first to go where there is no room. */
function baselineLines({ baselines }: RunView, paint: Paint): readonly string[] {
  const more = baselines.length - MOST_BASELINES;
  return [
    ...baselines.slice(0, MOST_BASELINES).map((baseline) => paint.dim(`≈ usual ${baselineLine(baseline)}`)),
    ...(more > 0 ? [paint.dim(`≈ ${more} more in 'theseus report'`)] : []),
  ];
}

/** Contingencies that wait quietly are not worth a line. */
function contingencyLines({ name, title, status, actionsDone }: ContingencyView, paint: Paint): readonly string[] {
  if (status === 'armed') return [];
  const color = status === 'failed' ? paint.red : paint.yellow;
  return [color(`! contingency ${name} (${title}): ${status}, ${actionsDone} of its actions done`)];
}

function waitLines(view: RunView, paint: Paint): readonly string[] {
  if (view.waits.length === 0) return [];
  return ['', ...view.waits.flatMap((wait) => waitLine(wait, view.now, paint))];
}

/** One sentence for what is waited for, and who or what can end the wait. */
function waitLine(wait: WaitView, now: number, paint: Paint): readonly string[] {
  const when = wait.until === null ? '' : ` Earliest in ${formatDuration(Math.max(0, wait.until - now))}.`;
  const line = `${paint.bold('Waiting:')} ${wait.text}${when} Ended by ${wait.endedBy}.`;
  return wait.command === null ? [line] : [line, `    ${paint.cyan(`${wait.command} --reason '…'`)}`];
}

function short(value: number): string {
  return Number(value.toPrecision(4)).toString();
}
