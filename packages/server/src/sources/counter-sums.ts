import type { Series } from './prometheus-client.ts';

/**
 * What counters have counted together since the first of some moments, at each of them; null where none of them was
 * there. A counter that shrinks began anew, and one that appears later began then: both are counted from zero, so
 * that a restart loses nothing but what happened between the last scrape and the end of the process.
 *
 * @param moments in growing order, the moments of the range query
 */
export function counterSums(series: readonly Series[], moments: readonly number[]): readonly (number | null)[] {
  const grown = new Array<number>(moments.length).fill(0);
  const isThere = new Array<boolean>(moments.length).fill(false);
  const indexOf = new Map(moments.map((at, index) => [at, index]));
  for (const { samples } of series) {
    let before: number | null = null;
    for (const { at, value } of samples) {
      const index = indexOf.get(Math.round(at));
      if (index === undefined || !Number.isFinite(value)) continue;
      isThere[index] = true;
      if (before === null) grown[index] = (grown[index] ?? 0) + (index === 0 ? 0 : value);
      else grown[index] = (grown[index] ?? 0) + (value < before ? value : value - before);
      before = value;
    }
  }
  let sum = 0;
  return grown.map((growth, index) => {
    sum += growth;
    return isThere[index] ? sum : null;
  });
}
