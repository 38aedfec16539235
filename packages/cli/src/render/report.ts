import { findBrokenLink, type RecordedEvent, type RolloutEvent, type RunView } from '@theseus/core/rollout';
import { formatDuration } from '@theseus/core/time';
import { sampleText, shapeText, withUnit } from './baseline-line.ts';
import { describeEvent, utcClock } from './describe-event.ts';
import { flagMetricLines } from './metric-lines.ts';
import { partLine } from './part-line.ts';

/** What was planned and what happened, as Markdown: readable from the first table to the last event. */
export function renderReport(view: RunView, recorded: readonly RecordedEvent[]): string {
  const events = recorded.map(({ event }) => event);
  const sections = [
    `# ${view.title}`,
    summary(view),
    '## Flags\n',
    flagTable(view),
    ...baselineSection(view),
    ...metricSection(view),
    ...rollbackSection(view),
    ...approvalSection(events),
    ...section(
      '## Holds and warnings',
      events.filter(({ type }) => type === 'step.held' || type === 'step.warned'),
    ),
    ...messageSection(events),
    '## Phases and steps\n',
    phaseTable(view),
    '## The record\n',
    proof(recorded),
    events
      .map((event) => `- ${utcClock(event.at)} UTC ${describeEvent(event)} — ${oneLine(event.reason)}${by(event)}`)
      .join('\n'),
  ];
  return `${sections.join('\n\n').replace(/\n{3,}/g, '\n\n')}\n`;
}

function summary(view: RunView): string {
  const ended = view.endedAt === null ? 'not ended yet' : utcClock(view.endedAt);
  return [
    `| | |\n|---|---|`,
    `| Run | ${view.runId} |`,
    `| Plan | ${view.plan} (${view.planHash}) |`,
    ...(view.environment === 'default' ? [] : [`| Environment | ${view.environment} |`]),
    `| Outcome | **${view.outcome ?? view.status}** |`,
    `| Started | ${utcClock(view.startedAt)} UTC |`,
    `| Ended | ${ended}${view.endedAt === null ? '' : ' UTC'} |`,
    `| Took | ${formatDuration((view.endedAt ?? view.now) - view.startedAt)} |`,
    ...(view.timeCompression === 1 ? [] : [`| Time | compressed ×${view.timeCompression} |`]),
  ].join('\n');
}

function flagTable(view: RunView): string {
  const rows = view.flags.map(
    (flag) => `| ${flag.key} | ${exposureText(flag)} | ${flag.status} | ${flag.confirmed ? 'yes' : 'not yet'} |`,
  );
  return ['| Flag | Exposure | Outcome | Confirmed by every instance |', '|---|---|---|---|', ...rows].join('\n');
}

function exposureText({ exposurePercent, migration }: RunView['flags'][number]): string {
  if (migration === undefined) return `${exposurePercent} %`;
  const { stage, next } = migration;
  return next === null ? `stage ${stage}` : `stage ${stage}, ${exposurePercent} % at ${next}`;
}

/** What users reached by variant, as far as it was known when the report was written. */
function metricSection(view: RunView): readonly string[] {
  const lines = view.flags.flatMap(flagMetricLines);
  return lines.length === 0 ? [] : ['## Metrics', lines.map(listed).join('\n')];
}

/** Lines of a list: those that were indented belong to the one before. */
function listed(line: string): string {
  return `${/^ */.exec(line)?.[0] ?? ''}- ${oneLine(line.trim())}`;
}

/** What was usual before anything moved, and how that is known. */
function baselineSection({ baselines }: RunView): readonly string[] {
  if (baselines.length === 0) return [];
  const rows = baselines.map((baseline) => {
    const { flag, signal, value, unit, over, source, query } = baseline;
    const from = [source ?? '', query === null ? '' : `\`${query}\``].filter((part) => part !== '').join(' ');
    const cells = [
      flag ?? '',
      signal,
      withUnit(value, unit),
      over === null ? '' : `${utcClock(over.from)} to ${utcClock(over.to)} UTC`,
      sampleText(baseline),
      shapeText(baseline) || 'not asked for',
      from,
    ];
    return `| ${cells.map(oneLine).join(' | ')} |`;
  });
  return [
    '## Baselines\n',
    [
      '| Flag | Signal | Usual | From and to | Sample | Hours of the week | Source |',
      '|---|---|---|---|---|---|---|',
      ...rows,
    ].join('\n'),
  ];
}

function rollbackSection(view: RunView): readonly string[] {
  if (view.rollbacks.length === 0) return [];
  const parts = view.rollbacks.map((rollback) => {
    const took = rollback.durationMs === null ? 'still running' : formatDuration(rollback.durationMs);
    const lines = [
      `### ${rollback.id}: ${rollback.scope} ${rollback.target}, ${rollback.status}\n`,
      `- Why: ${oneLine(rollback.reason)}`,
      `- Took ${took} of a budget of ${formatDuration(rollback.budgetMs)}${isOver(rollback) ? ': **exceeded**' : ''}`,
      ...rollback.parts.map((part) => `- ${oneLine(partLine(part))}`),
      ...rollback.verification.map((line) => `- Proven: ${oneLine(line)}`),
      ...(rollback.failure === null ? [] : [`- **Failed**: ${oneLine(rollback.failure)}`]),
    ];
    return lines.join('\n');
  });
  return ['## Rollbacks', ...parts];
}

function isOver({
  durationMs,
  budgetMs,
}: {
  readonly durationMs: number | null;
  readonly budgetMs: number | null;
}): boolean {
  return durationMs !== null && budgetMs !== null && durationMs > budgetMs;
}

function approvalSection(events: readonly RolloutEvent[]): readonly string[] {
  return section(
    '## Approvals',
    events.filter(({ type }) => type.startsWith('approval.')),
  );
}

function messageSection(events: readonly RolloutEvent[]): readonly string[] {
  const messages = new Set(
    events.flatMap((event) =>
      event.type === 'effect.requested' && event.effect.request.kind === 'message' ? event.effect.id : [],
    ),
  );
  const lines = events.flatMap((event) =>
    event.type === 'effect.finished' && messages.has(event.effectId)
      ? [`- ${utcClock(event.at)} UTC ${event.result.outcome}: ${oneLine(event.result.summary)}`]
      : [],
  );
  return lines.length === 0 ? [] : ['## Messages', lines.join('\n')];
}

function section(title: string, events: readonly RolloutEvent[]): readonly string[] {
  if (events.length === 0) return [];
  return [
    title,
    events
      .map((event) => `- ${utcClock(event.at)} UTC ${describeEvent(event)} — ${oneLine(event.reason)}${by(event)}`)
      .join('\n'),
  ];
}

function phaseTable(view: RunView): string {
  const rows = view.phases.flatMap((phase) => [
    `| **${phase.name}** | | ${phase.status} | ${span(phase.startedAt, phase.endedAt)} |`,
    ...phase.steps.map(
      (step) => `| ${step.id} | ${step.kind} | ${step.status} | ${span(step.startedAt, step.endedAt)} |`,
    ),
  ]);
  return ['| Phase or step | Kind | State | Took |', '|---|---|---|---|', ...rows].join('\n');
}

function proof(recorded: readonly RecordedEvent[]): string {
  const broken = findBrokenLink(recorded);
  const head = recorded.at(-1)?.hash ?? 'nothing';
  return broken === null
    ? `${recorded.length} events, each linked to the one before; the chain is whole and ends in \`${head}\`.\n`
    : `**The chain is broken at event ${broken.seq}: ${broken.why}.**\n`;
}

function span(startedAt: number | null, endedAt: number | null): string {
  return startedAt === null || endedAt === null ? '' : formatDuration(endedAt - startedAt);
}

function by(event: RolloutEvent): string {
  return event.actor.kind === 'person' ? ` (${event.actor.name})` : '';
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').replaceAll('|', '\\|');
}
