import { Temporal } from 'temporal-polyfill';

/** A daily window in a time zone, in minutes after local midnight; a start after its end crosses midnight. */
export interface DailyWindow {
  readonly fromMinute: number;
  readonly toMinute: number;
  /** IANA name, such as `UTC` or `Europe/Berlin`. */
  readonly zone: string;
}

const SHAPE = /^(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s+(\S+)$/;
const MINUTES_A_DAY = 1_440;
/** A window may be skipped by a change of the clocks; within this many days it opens. */
const SEARCH_DAYS = 4;

/** Reads `02:00-04:00 UTC`; null when the text, a time or the zone is not valid, or the window is empty. */
export function parseWindow(text: string): DailyWindow | null {
  const match = SHAPE.exec(text.trim());
  if (match === null) return null;
  const [, fromHour, fromMin, toHour, toMin, zone = ''] = match;
  const fromMinute = minuteOf(fromHour, fromMin);
  const toMinute = minuteOf(toHour, toMin);
  if (fromMinute === null || toMinute === null || fromMinute === toMinute || fromMinute === MINUTES_A_DAY) return null;
  return isZone(zone) ? { fromMinute, toMinute, zone } : null;
}

export function isZone(zone: string): boolean {
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(zone);
    return true;
  } catch {
    return false;
  }
}

/** Whether the window is open at the moment (epoch ms). It opens with its first minute and closes before its last. */
export function isInsideWindow(window: DailyWindow, at: number): boolean {
  return windowsAround(window, at).some(({ opens, closes }) => opens <= at && at < closes);
}

/** When the window opens next at or after the moment (epoch ms); the moment itself while it is open. */
export function nextOpening(window: DailyWindow, at: number): number {
  if (isInsideWindow(window, at)) return at;
  const next = windowsAround(window, at).find(({ opens }) => opens >= at);
  return next?.opens ?? at + SEARCH_DAYS * MINUTES_A_DAY * 60_000;
}

/** The windows of yesterday, today and the next days, in real time: a day with a change of clocks keeps its wall times. */
function windowsAround(
  window: DailyWindow,
  at: number,
): readonly { readonly opens: number; readonly closes: number }[] {
  const today = Temporal.Instant.fromEpochMilliseconds(Math.floor(at)).toZonedDateTimeISO(window.zone).toPlainDate();
  const days = Array.from({ length: SEARCH_DAYS + 1 }, (_, index) => today.add({ days: index - 1 }));
  const crosses = window.fromMinute > window.toMinute;
  return days
    .map((day) => ({
      opens: momentOf(day, window.fromMinute, window.zone),
      closes: momentOf(crosses ? day.add({ days: 1 }) : day, window.toMinute, window.zone),
    }))
    .filter(({ opens, closes }) => opens < closes);
}

function momentOf(day: Temporal.PlainDate, minute: number, zone: string): number {
  const [date, time] = minute === MINUTES_A_DAY ? [day.add({ days: 1 }), 0] : [day, minute];
  const plainTime = Temporal.PlainTime.from({ hour: Math.floor(time / 60), minute: time % 60 });
  return date.toZonedDateTime({ timeZone: zone, plainTime }).epochMilliseconds;
}

function minuteOf(hour: string | undefined, minute: string | undefined): number | null {
  const total = Number(hour) * 60 + Number(minute);
  return Number(minute) < 60 && total <= MINUTES_A_DAY ? total : null;
}
