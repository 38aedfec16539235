import type { DifferenceReport } from '../api-client/api-client.ts';
import { withoutControls } from './without-controls.ts';

/** Wider cells are cut off; `--json` has them whole. */
const WIDEST_CELL = 60;

/** What both sides of a migration differ in: how often they agree, and a table of the places where they do not. */
export function differenceLines(report: DifferenceReport): readonly string[] {
  const { flag, totals, paths } = withoutControls(report);
  if (totals.since === null) return [`${flag}: no read was compared yet`];
  return [...totalLines(flag, totals), ...(paths.length === 0 ? [] : ['', ...table(rowsOf(paths, totals))])];
}

function totalLines(flag: string, totals: DifferenceReport['totals']): readonly string[] {
  const { compared, equal, different, dropped, timedOut, shadowFailed } = totals;
  const agreed = compared === 0 ? 'none yet' : `${equal} agreed (${share(equal, compared)})`;
  const lost = [
    ...(shadowFailed === 0 ? [] : [`${shadowFailed} shadows failed`]),
    ...(timedOut === 0 ? [] : [`${timedOut} timed out`]),
    ...(dropped === 0 ? [] : [`${dropped} were dropped`]),
  ];
  const line = `${flag}: of ${compared} compared reads ${agreed}, ${different} differed`;
  return lost.length === 0 ? [line] : [line, `  not compared: ${lost.join(', ')}`];
}

function rowsOf(
  paths: DifferenceReport['paths'],
  { compared }: DifferenceReport['totals'],
): readonly (readonly string[])[] {
  return [
    ['path', 'kind', 'count', 'share', 'legacy -> candidate'],
    ...paths.map(({ path, kind, count, samples: [sample] }) => [
      path,
      kind,
      String(count),
      share(count, compared),
      sample === undefined ? '' : `${sample.legacy} -> ${sample.candidate}`,
    ]),
  ];
}

/** Never 100 % or 0 % of what is not all or nothing. */
function share(part: number, whole: number): string {
  if (whole === 0) return '-';
  const percent = (part * 100) / whole;
  if (part > 0 && percent < 0.01) return '< 0.01 %';
  if (part < whole && percent > 99.99) return '> 99.99 %';
  return `${Number(percent.toFixed(2))} %`;
}

function table(rows: readonly (readonly string[])[]): readonly string[] {
  const cells = rows.map((row) => row.map(cutOff));
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function cutOff(cell: string): string {
  return cell.length <= WIDEST_CELL ? cell : `${cell.slice(0, WIDEST_CELL - 1)}…`;
}
