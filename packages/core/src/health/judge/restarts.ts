/**
 * When the evidence begins anew, so that a regression that comes late is not drowned by a clean past. A short rollout has
 * eight starts spread over it; a long one a start every 30 looks, of which those are kept whose ages are
 * far apart: together they tell an onset of any age, and the state stays small.
 */
export interface Restarts {
  /** The looks at which the starts began that are kept, the first always among them. */
  readonly began: readonly number[];
  /** How many starts were given up: their evidence counts as nothing. */
  readonly dropped: number;
}

const STARTS = 8;
const LOOKS_BETWEEN = 30;
const KEPT_STARTS = 8;
/** The stake on the first start: most regressions are there from the beginning. */
const FIRST_WEIGHT = 0.7;

/** The starts of a rollout of so many looks. */
function planOf(looks: number): { readonly count: number; readonly everyLooks: number } {
  const planned = Math.max(1, looks);
  if (planned > STARTS * LOOKS_BETWEEN) return { count: Math.ceil(planned / LOOKS_BETWEEN), everyLooks: LOOKS_BETWEEN };
  const count = Math.min(STARTS, planned);
  return { count, everyLooks: planned / count };
}

export const NO_RESTARTS: Restarts = { began: [], dropped: 0 };

/** How many starts begin at or before a look (counted from 0). */
function dueAt(look: number, looks: number): number {
  const { count, everyLooks } = planOf(looks);
  return Math.min(count, Math.floor((look + 1e-9) / everyLooks) + 1);
}

/** The stake on the start at each place of `began`, and on what was dropped. */
export function stakesOf(
  { began, dropped }: Restarts,
  looks: number,
): { readonly kept: readonly number[]; readonly dropped: number } {
  const { count } = planOf(looks);
  const other = count === 1 ? 0 : (1 - FIRST_WEIGHT) / (count - 1);
  return {
    kept: began.map((_, at) => (at === 0 ? (count === 1 ? 1 : FIRST_WEIGHT) : other)),
    dropped: dropped * other,
  };
}

/** How many starts are to begin now, at the look with this number. */
export function startsDue({ began, dropped }: Restarts, look: number, looks: number): number {
  return dueAt(look, looks) - began.length - dropped;
}

/** The place of the start to give up, if there are too many: the one nearest in age to its elder neighbour, never the first. */
export function startToDrop({ began }: Restarts, look: number): number | null {
  if (began.length <= KEPT_STARTS) return null;
  let nearest = 1;
  let least = Number.POSITIVE_INFINITY;
  for (let at = 1; at < began.length - 1; at += 1) {
    const age = (place: number): number => look + 1 - (began[place] as number);
    const ratio = age(at - 1) / age(at + 1);
    if (ratio < least) {
      least = ratio;
      nearest = at;
    }
  }
  return nearest;
}
