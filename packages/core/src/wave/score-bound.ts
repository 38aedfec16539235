/** What a score of a subject's validation must reach, as in `dom >= 95%`. */
export interface ScoreBound {
  readonly score: string;
  readonly operator: '<' | '<=' | '>' | '>=';
  /** A percentage as its part of 1. */
  readonly bound: number;
}

const SHAPE = /^\s*([a-z][\w-]*)\s*(<=|>=|<|>)\s*(\d+(?:\.\d+)?)\s*(%?)\s*$/i;

/**
 * Reads `dom >= 95%`, `performance <= 120%` or `rows >= 10`; null where it is none.
 *
 * @example parseScoreBound('dom >= 95%') // { score: 'dom', operator: '>=', bound: 0.95 }
 */
export function parseScoreBound(text: string): ScoreBound | null {
  const [, score, operator, number, percent] = SHAPE.exec(text) ?? [];
  if (score === undefined || !isOperator(operator)) return null;
  // Divided as text would be, so that 95 % is the same number as 0.95 and no neighbour of it.
  const bound = percent === '%' ? Number(`${number}e-2`) : Number(number);
  return { score, operator, bound };
}

function isOperator(text: string | undefined): text is ScoreBound['operator'] {
  return text === '<' || text === '<=' || text === '>' || text === '>=';
}

/** Whether a bound lets some value pass that another on the same score stops; null where the two look in different directions. */
export function isLooser(bound: ScoreBound, than: ScoreBound): boolean | null {
  if (bound.score !== than.score || isFloor(bound) !== isFloor(than)) return null;
  if (bound.bound === than.bound) return bound.operator.length > than.operator.length;
  return isFloor(bound) ? bound.bound < than.bound : bound.bound > than.bound;
}

function isFloor({ operator }: ScoreBound): boolean {
  return operator.startsWith('>');
}
