import type { WaveSelection } from './wave.ts';

/** More strata than this are summed up. */
const MOST_STRATA = 8;

/**
 * A selection in one line, for previews and records.
 *
 * @example selectionText(selection) // '50 of 1 250: 33 EU, 17 US; 1 200 not chosen: 1 200 in another wave already'
 */
export function selectionText({ total, seen, strata, excluded }: Omit<WaveSelection, 'digest'>): string {
  const parts = [`${grouped(total)} of ${grouped(seen)}`];
  const spread = largestFirst(strata);
  if (spread.length > 0) {
    const shown = spread.slice(0, MOST_STRATA).map(([stratum, members]) => `${grouped(members)} ${stratum}`);
    const others = spread.slice(MOST_STRATA);
    const rest = others.length === 0 ? [] : [`${grouped(sumOf(others))} in ${others.length} others`];
    parts.push(`: ${[...shown, ...rest].join(', ')}`);
  }
  const reasons = largestFirst(excluded);
  if (reasons.length > 0) {
    const why = reasons.map(([reason, subjects]) => `${grouped(subjects)} ${reason}`).join(', ');
    parts.push(`; ${grouped(sumOf(reasons))} not chosen: ${why}`);
  }
  return parts.join('');
}

type Counted = readonly [name: string, subjects: number];

function largestFirst(counts: Readonly<Record<string, number>>): readonly Counted[] {
  return Object.entries(counts).toSorted(
    ([one, many], [other, more]) => more - many || (one < other ? -1 : one > other ? 1 : 0),
  );
}

function sumOf(counts: readonly Counted[]): number {
  return counts.reduce((sum, [, subjects]) => sum + subjects, 0);
}

/** A space that no line is broken at between thousands. */
function grouped(number: number): string {
  return String(number).replaceAll(/\B(?=(\d{3})+$)/g, '\u00a0');
}
