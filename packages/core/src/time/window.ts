import { Temporal } from 'temporal-polyfill';

/** ISO: 1 is Monday, 7 is Sunday. */
export type Weekday = 1 | 2 | 3 | 4 | 5 | 6 | 7;

/** A stretch of certain days in a time zone, in minutes after local midnight; a start after its end crosses midnight. */
export interface TimeWindow {
  /** The days on which it opens; every day where there are none. */
  readonly days: readonly Weekday[];
  readonly fromMinute: number;
  readonly toMinute: number;
  /** IANA name, such as `UTC` or `Europe/Berlin`. */
  readonly zone: string;
}

const WEEKDAYS: readonly string[] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const DAY_WORDS: ReadonlyMap<string, readonly Weekday[]> = new Map([
  ['daily', []],
  ['weekdays', [1, 2, 3, 4, 5]],
  ['weekends', [6, 7]],
]);

const RANGE = String.raw`\d{1,2}:\d{2}\s*-\s*\d{1,2}:\d{2}`;
const SHAPE = new RegExp(String.raw`^(?:([a-z][a-z,-]*)\s+)?(?:(${RANGE}(?:\s*,\s*${RANGE})*)\s+)?(\S+)$`, 'i');
const MINUTES_A_DAY = 1_440;
/** More windows than this in one text are refused. */
const MOST_WINDOWS = 50;
/** A window may be skipped by a change of the clocks; within two weeks each opens. */
const SEARCH_DAYS = 15;
const STRETCH_DAYS = 15;
const BEFORE_DAYS = 7;
const EPOCH = Temporal.PlainDate.from('1970-01-01');

/**
 * Reads `02:00-04:00 UTC`, `Mon-Fri 09:00-12:00, 14:00-16:00 Europe/Berlin` or `Mon,Wed,Fri UTC`; several are joined by `;`.
 * Null when the text, a time or a zone is not valid, or a window is empty.
 */
export function parseWindows(text: string): readonly TimeWindow[] | null {
  const windows = text.split(';').map((part) => parsePart(part.trim()));
  if (windows.includes(null)) return null;
  const all = windows.flatMap((part) => part ?? []);
  return all.length > MOST_WINDOWS ? null : all;
}

function parsePart(text: string): readonly TimeWindow[] | null {
  const match = SHAPE.exec(text);
  if (match === null) return null;
  const [, dayText, rangeText, zone = ''] = match;
  const days = dayText === undefined ? [] : parseDays(dayText.toLowerCase());
  // Without days and times, a zone alone would mean always: that is seldom what was meant.
  if (days === null || (dayText === undefined && rangeText === undefined) || !isZone(zone)) return null;
  const ranges = rangeText === undefined ? ['00:00-24:00'] : rangeText.split(',');
  const windows = ranges.map((range) => parseRange(range, days, zone));
  return windows.includes(null) ? null : windows.filter((window) => window !== null);
}

function parseDays(text: string): readonly Weekday[] | null {
  const word = DAY_WORDS.get(text);
  if (word !== undefined) return word;
  const days = new Set<Weekday>();
  for (const part of text.split(',')) {
    const [first, last, ...more] = part.split('-').map((name) => WEEKDAYS.indexOf(name.slice(0, 3)) + 1);
    if (first === undefined || first === 0 || last === 0 || more.length > 0) return null;
    const end = last === undefined ? first : last < first ? last + 7 : last;
    for (let day = first; day <= end; day += 1) days.add((((day - 1) % 7) + 1) as Weekday);
  }
  return [...days].sort((left, right) => left - right);
}

function parseRange(text: string, days: readonly Weekday[], zone: string): TimeWindow | null {
  const [from = '', to = ''] = text.split('-');
  const fromMinute = minuteOf(from);
  const toMinute = minuteOf(to);
  if (fromMinute === null || toMinute === null || fromMinute === toMinute || fromMinute === MINUTES_A_DAY) return null;
  return { days, fromMinute, toMinute, zone };
}

function minuteOf(text: string): number | null {
  const [hour, minute] = text.trim().split(':').map(Number);
  const total = (hour ?? Number.NaN) * 60 + (minute ?? Number.NaN);
  return (minute ?? 60) < 60 && total <= MINUTES_A_DAY ? total : null;
}

export function isZone(zone: string): boolean {
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(zone);
    return true;
  } catch {
    return false;
  }
}

/** Whether any of the windows is open at the moment (epoch ms); without windows, always. Each opens with its first minute and closes before its last. */
export function isOpen(windows: readonly TimeWindow[], at: number): boolean {
  return windows.length === 0 || windows.some((window) => spansAround(window, at).some((span) => holds(span, at)));
}

/** When a window opens next at or after the moment (epoch ms); the moment itself while one is open. */
export function nextOpening(windows: readonly TimeWindow[], at: number): number {
  if (isOpen(windows, at)) return at;
  const openings = windows.flatMap((window) => spansAround(window, at)).map(({ opens }) => opens);
  const next = Math.min(...openings.filter((opens) => opens >= at));
  return Number.isFinite(next) ? next : at + SEARCH_DAYS * MINUTES_A_DAY * 60_000;
}

/** When the opening around the moment ends; null while closed. */
export function closesAt(windows: readonly TimeWindow[], at: number): number | null {
  return openingAround(windows, at)?.closes ?? null;
}

/** When the opening around the moment began; null while closed, or without windows. */
export function openedAt(windows: readonly TimeWindow[], at: number): number | null {
  return openingAround(windows, at)?.opens ?? null;
}

/** How much of the time from one moment to a later one (epoch ms) the windows are open; all of it without windows. */
export function openMsBetween(windows: readonly TimeWindow[], from: number, to: number): number {
  if (windows.length === 0) return Math.max(0, to - from);
  let sum = 0;
  for (let at = nextOpening(windows, from); at < to; ) {
    const closes = Math.min(closesAt(windows, at) ?? to, to);
    sum += closes - at;
    at = nextOpening(windows, closes);
  }
  return sum;
}

/** The moment (epoch ms) at which the windows have been open for so long since another; plainly later without windows. */
export function afterOpenMs(windows: readonly TimeWindow[], from: number, ms: number): number {
  if (windows.length === 0) return from + ms;
  let left = ms;
  for (let at = nextOpening(windows, from); ; ) {
    const closes = closesAt(windows, at) ?? at;
    if (closes - at >= left) return at + left;
    left -= closes - at;
    at = nextOpening(windows, closes);
  }
}

interface Span {
  readonly window: TimeWindow;
  readonly opens: number;
  readonly closes: number;
}

/**
 * The stretch around the moment in which windows follow each other without a gap. Each is in it once: what opens every
 * day, however long, opens anew every day.
 */
function openingAround(windows: readonly TimeWindow[], at: number): Span | null {
  const spans = windows.flatMap((window) => spansAround(window, at));
  let opening = spans.find((span) => holds(span, at)) ?? null;
  const joined = new Set(opening === null ? [] : [opening.window]);
  while (opening !== null) {
    const { window, opens, closes }: Span = opening;
    const next = spans.find((span) => !joined.has(span.window) && span.opens <= closes && span.closes >= opens);
    if (next === undefined) break;
    joined.add(next.window);
    opening = { window, opens: Math.min(opens, next.opens), closes: Math.max(closes, next.closes) };
  }
  return opening;
}

function holds({ opens, closes }: Span, at: number): boolean {
  return opens <= at && at < closes;
}

/**
 * The window's spans from a week before the moment to at least two weeks after it, in real time: a day with a change of
 * clocks keeps its wall times. A run asks for the moments of its present over and over, and each answer takes dozens of
 * calendar computations: they are made once for every stretch of days, the same stretches whoever asks.
 */
function spansAround(window: TimeWindow, at: number): readonly Span[] {
  const known = remembered.get(window);
  if (known !== undefined && known.from <= at && at < known.to) return known.spans;
  const today = Temporal.Instant.fromEpochMilliseconds(Math.floor(at)).toZonedDateTimeISO(window.zone).toPlainDate();
  const first = today.subtract({ days: EPOCH.until(today).days % STRETCH_DAYS });
  const crosses = window.fromMinute > window.toMinute;
  const spans = Array.from({ length: BEFORE_DAYS + STRETCH_DAYS + SEARCH_DAYS }, (_, index) =>
    first.add({ days: index - BEFORE_DAYS }),
  )
    .filter(({ dayOfWeek }) => window.days.length === 0 || window.days.includes(dayOfWeek as Weekday))
    .map((date) => ({
      window,
      opens: momentOf(date, window.fromMinute, window.zone),
      closes: momentOf(crosses ? date.add({ days: 1 }) : date, window.toMinute, window.zone),
    }))
    .filter(({ opens, closes }) => opens < closes);
  const to = momentOf(first.add({ days: STRETCH_DAYS }), 0, window.zone);
  remembered.set(window, { from: momentOf(first, 0, window.zone), to, spans });
  return spans;
}

const remembered = new WeakMap<
  TimeWindow,
  { readonly from: number; readonly to: number; readonly spans: readonly Span[] }
>();

function momentOf(day: Temporal.PlainDate, minute: number, zone: string): number {
  const [date, time] = minute === MINUTES_A_DAY ? [day.add({ days: 1 }), 0] : [day, minute];
  const plainTime = Temporal.PlainTime.from({ hour: Math.floor(time / 60), minute: time % 60 });
  return date.toZonedDateTime({ timeZone: zone, plainTime }).epochMilliseconds;
}
