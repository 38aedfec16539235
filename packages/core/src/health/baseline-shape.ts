/** Monday 00:00 UTC is hour 0 of the week, Sunday 23:00 UTC is hour 167. UTC knows no summer time, so each week has all of them once. */
export const HOURS_OF_WEEK = 168;
/** Less history than this holds no hour of the week twice. */
export const SHAPE_NEEDS_MS = 14 * 86_400_000;

/** An hour of the week is known by its own history from so many different weeks on. */
const LEAST_WEEKS = 2;
/** An hour of the day is known from so many different days on. */
const LEAST_DAYS = 2;
/** With fewer hours known of their own a week has no shape. */
const LEAST_COVERED = HOURS_OF_WEEK / 2;

const HOUR_MS = 3_600_000;
const HOURS_OF_DAY = 24;
/** The first moment that is counted from was a Thursday, three days after a Monday. */
const EPOCH_HOUR = 3 * HOURS_OF_DAY;

/** What was measured in one hour of one week. An hour in which nothing was measured has no row: a gap is no zero. */
export interface HourOfHistory {
  /** The hour of the week, 0 to 167. */
  readonly slot: number;
  /** Any number that tells weeks apart. */
  readonly week: number;
  /** The sum of what was measured: its mean times the weight. Never negative. */
  readonly sum: number;
  /** How much stands behind it: requests, samples, reports or seconds. Above 0. */
  readonly weight: number;
}

/** What is usual at each hour of the week, in the signal's unit. */
export interface BaselineShape {
  readonly kind: 'hour-of-week';
  /** {@link HOURS_OF_WEEK} values, each for the middle of its hour. */
  readonly hours: readonly number[];
  /** How many hours were seen in at least two weeks. The others are as usual at that hour of the day, or at all. */
  readonly covered: number;
  /** From how many different weeks it was learnt. */
  readonly weeks: number;
}

export type LearntShape =
  | { readonly kind: 'shape'; readonly shape: BaselineShape }
  /** `why` is for people. */
  | { readonly kind: 'none'; readonly why: string };

/** The hour of the week of a moment (epoch milliseconds), and in which week it lies. */
export function hourOfWeek(at: number): { readonly slot: number; readonly week: number } {
  const hour = Math.floor(at / HOUR_MS) + EPOCH_HOUR;
  const week = Math.floor(hour / HOURS_OF_WEEK);
  return { slot: hour - week * HOURS_OF_WEEK, week };
}

const DAYS = ['Mondays', 'Tuesdays', 'Wednesdays', 'Thursdays', 'Fridays', 'Saturdays', 'Sundays'] as const;

/** The hour of the week of a moment for people: `Mondays 09:00 UTC`. */
export function nameOfHour(at: number): string {
  const { slot } = hourOfWeek(at);
  return `${DAYS[Math.floor(slot / HOURS_OF_DAY)]} ${String(slot % HOURS_OF_DAY).padStart(2, '0')}:00 UTC`;
}

/**
 * Learns what is usual at each hour of the week.
 *
 * An hour seen in two weeks or more has its own mean, drawn towards its fallback by `s / (s + b)`: `s` is the variance of
 * that mean, from how far the weeks of one hour differ, and `b` how far hours really differ from their fallbacks (the
 * empirical Bayes estimate of James and Stein, with the variances by the method of moments). What is steady or has much
 * traffic keeps its own mean; what is thin or noisy is drawn near. Any other hour has its fallback: the mean of that
 * hour over the days where two days or more saw it, else the plain value.
 *
 * @param plain the value over the whole history, in the signal's unit
 */
export function learnShape(rows: readonly HourOfHistory[], plain: number): LearntShape {
  const refused = isUsual(plain) ? refusalOf(rows) : `${plain} is no value that others can be compared with`;
  if (refused !== null) return { kind: 'none', why: refused };
  const cells = cellsOf(rows);
  const slots = groupsBy(cells, ({ slot }) => slot);
  const days = groupsBy(cells, ({ slot }) => slot % HOURS_OF_DAY);
  const fallbackOf = (slot: number): number => {
    const day = days.get(slot % HOURS_OF_DAY);
    return day !== undefined && day.cells.length >= LEAST_DAYS ? day.mean : plain;
  };
  const known = [...slots].flatMap(([slot, group]) =>
    group.cells.length < LEAST_WEEKS ? [] : [{ ...group, slot, fallback: fallbackOf(slot) }],
  );
  if (known.length < LEAST_COVERED) {
    const why = `${known.length} of ${HOURS_OF_WEEK} hours of the week were seen in ${LEAST_WEEKS} weeks, ${LEAST_COVERED} are needed`;
    return { kind: 'none', why };
  }
  const hours = Array.from({ length: HOURS_OF_WEEK }, (_, slot) => fallbackOf(slot));
  const { within, between } = variancesOf(known);
  for (const { slot, mean, weight, fallback } of known) {
    const own = within / weight;
    const share = own === 0 ? 0 : own / (own + between);
    hours[slot] = mean + share * (fallback - mean);
  }
  const weeks = new Set(cells.map(({ week }) => week)).size;
  return { kind: 'shape', shape: { kind: 'hour-of-week', hours, covered: known.length, weeks } };
}

/**
 * What is usual at a moment: on the line between the middles of the two hours next to it, so that nothing jumps when an
 * hour ends. Null where the shape holds no numbers.
 */
export function usualByShape({ hours }: BaselineShape, at: number): number | null {
  const position = at / HOUR_MS + EPOCH_HOUR - 0.5;
  const before = Math.floor(position);
  const share = position - before;
  const [left, right] = [hourAt(hours, before), hourAt(hours, before + 1)];
  return left === undefined || right === undefined ? null : left + share * (right - left);
}

function hourAt(hours: readonly number[], hour: number): number | undefined {
  const value = hours[hour - Math.floor(hour / HOURS_OF_WEEK) * HOURS_OF_WEEK];
  return value !== undefined && Number.isFinite(value) ? value : undefined;
}

/** Why nothing can be learnt from these rows, for people; null where it can. */
function refusalOf(rows: readonly HourOfHistory[]): string | null {
  for (const { slot, week, sum, weight } of rows) {
    if (!Number.isInteger(slot) || slot < 0 || slot >= HOURS_OF_WEEK) return `${slot} is no hour of the week`;
    if (!Number.isInteger(week)) return `${week} is no week`;
    if (!isUsual(sum)) return `hour ${slot} of the week sums up to ${sum}`;
    if (!Number.isFinite(weight) || weight <= 0) return `hour ${slot} of the week weighs ${weight}`;
  }
  return null;
}

function isUsual(value: number): boolean {
  return Number.isFinite(value) && value >= 0;
}

/** One hour of one week, with its mean. */
interface Cell {
  readonly slot: number;
  readonly week: number;
  readonly mean: number;
  readonly weight: number;
}

function cellsOf(rows: readonly HourOfHistory[]): readonly Cell[] {
  const merged = new Map<string, HourOfHistory>();
  for (const row of rows) {
    const key = `${row.slot}/${row.week}`;
    const before = merged.get(key);
    const sum = row.sum + (before?.sum ?? 0);
    merged.set(key, { ...row, sum, weight: row.weight + (before?.weight ?? 0) });
  }
  return [...merged.values()].map(({ slot, week, sum, weight }) => ({ slot, week, mean: sum / weight, weight }));
}

interface Group {
  readonly cells: readonly Cell[];
  readonly mean: number;
  readonly weight: number;
}

function groupsBy(cells: readonly Cell[], keyOf: (cell: Cell) => number): ReadonlyMap<number, Group> {
  const grouped = new Map<number, Cell[]>();
  for (const cell of cells) {
    const group = grouped.get(keyOf(cell));
    if (group === undefined) grouped.set(keyOf(cell), [cell]);
    else group.push(cell);
  }
  return new Map([...grouped].map(([key, group]) => [key, summed(group)]));
}

function summed(cells: readonly Cell[]): Group {
  const weight = cells.reduce((sum, cell) => sum + cell.weight, 0);
  const mean = cells.reduce((sum, cell) => sum + cell.mean * (cell.weight / weight), 0);
  return { cells, weight, mean };
}

/**
 * How much a measurement of weight 1 differs from its hour's mean from week to week, and how much hours really differ
 * from their fallbacks: what is seen of that, less what chance alone would show.
 */
function variancesOf(known: readonly (Group & { readonly fallback: number })[]): {
  readonly within: number;
  readonly between: number;
} {
  let squares = 0;
  let freedom = 0;
  for (const { cells, mean } of known) {
    squares += cells.reduce((sum, cell) => sum + cell.weight * (cell.mean - mean) ** 2, 0);
    freedom += cells.length - 1;
  }
  const within = squares / freedom;
  // By weight, so that an hour of a few requests does not make all hours look different.
  const weight = known.reduce((sum, group) => sum + group.weight, 0);
  const seen = known.reduce((sum, group) => sum + group.weight * (group.mean - group.fallback) ** 2 - within, 0);
  return { within, between: Math.max(0, seen / weight) };
}
