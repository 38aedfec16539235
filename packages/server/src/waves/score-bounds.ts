import type { ScoreBound } from '@theseus/core/wave';

/** The first bound that scores miss, in words with both numbers; null where they keep all. What was not measured is missed. */
export function boundsMissed(bounds: readonly ScoreBound[], scores: Readonly<Record<string, number>>): string | null {
  for (const { score, operator, bound } of bounds) {
    const value = Object.hasOwn(scores, score) ? scores[score] : undefined;
    if (value === undefined) return `${score} was not measured, and is to be ${operator} ${bound}`;
    if (!isKept(value, operator, bound)) return `${score} is ${value}, and is to be ${operator} ${bound}`;
  }
  return null;
}

function isKept(value: number, operator: ScoreBound['operator'], bound: number): boolean {
  switch (operator) {
    case '<':
      return value < bound;
    case '<=':
      return value <= bound;
    case '>':
      return value > bound;
    case '>=':
      return value >= bound;
  }
}
