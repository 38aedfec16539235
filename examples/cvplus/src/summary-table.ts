import { percentOf } from './narrate-feature.ts';
import type { FlagSummary, Summary } from './summary.ts';

const HEADINGS = [
  'flag',
  'exposure',
  'outcome',
  'rollback',
  'served',
  'failed on legacy',
  'failed on candidate',
] as const;

/** The summary for people: a row for each flag, then what users saw and what the engine did. */
export function renderSummary(summary: Summary): string {
  const rows = Object.entries(summary.flags).map(([key, flag]) => rowOf(key, flag));
  const { users, messages, features } = summary;
  const { cache, analyzer, workflows, actions } = features;
  return [
    ...renderTable([HEADINGS, ...rows]),
    '',
    `Users          ${count(users.pagesServed)} pages served, ${count(users.pagesFailed)} failed`,
    `Rollback       ${summary.thresholdToLegacyMs ?? '?'} ms from the measurement that crossed the threshold to every SDK instance on legacy`,
    `Answers        ${count(analyzer.compared)} compared, ${count(analyzer.different)} differed (theseus differences cv-analyzer)`,
    `Caches         ${percentOf(cache.coherence)} coherent in ${count(cache.compared)} compared reads, ${count(cache.filled)} entries brought over, ${count(cache.owed)} writes owed`,
    `Breaker        restored by the rollback as it was saved: ${features.generatorBreaker}`,
    `Workflows      ${count(workflows.finished)} finished, ${count(workflows.outlivedMove)} on the arm they began on though their user had moved, ${count(workflows.mixed)} on two arms`,
    `Actions        ${count(actions.whole)} done, ${count(actions.takenBack)} taken back, ${count(actions.half)} left half done, ${count(actions.mixed)} on two arms`,
    `Record         ${summary.effectsRepeated} effects done twice, ${summary.serverRestarts} restarts of the server`,
    `Messages       ${messages.delivered} delivered, ${messages.duplicates} repeated deliveries recognised`,
    `Time           ${(summary.elapsedMs / 1000).toFixed(1)} s, with the plan's time compressed ${count(summary.timeFactor)} times`,
    '',
    ...(summary.success
      ? ['All as promised: six services moved, one was taken back alone and verified, and no user noticed.']
      : ['NOT as promised:', ...summary.problems.map((problem) => `  - ${problem}`)]),
  ].join('\n');
}

function rowOf(key: string, flag: FlagSummary): readonly string[] {
  const { rollback, requestsFailedByArm } = flag;
  const verified = rollback?.verified === true ? 'verified' : 'NOT verified';
  return [
    key,
    flag.finalStage ?? `${flag.finalExposurePercent} %`,
    flag.outcome === 'rolled-back' ? `rolled back, ${verified}` : flag.outcome,
    rollback === null ? '' : `${rollback.durationMs ?? '?'} ms, ${rollback.verification.length} checks`,
    count(flag.requestsServed),
    count(requestsFailedByArm.legacy),
    count(requestsFailedByArm.candidate),
  ];
}

const FIRST_NUMBER_COLUMN = 4;

function renderTable(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column >= FIRST_NUMBER_COLUMN ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
  const rule = widths.map((width) => '─'.repeat(width)).join('  ');
  return [lines[0] ?? '', rule, ...lines.slice(1)];
}

function count(value: number): string {
  return value.toLocaleString('en-US').replaceAll(',', ' ');
}
