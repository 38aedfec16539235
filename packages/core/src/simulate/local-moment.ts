import { Temporal } from 'temporal-polyfill';
import type { Plan } from '../plan/index.ts';

/** A moment as the clock on the wall of a zone shows it. */
export interface LocalMoment {
  /** `2026-03-02`. */
  readonly date: string;
  /** `09:00`. */
  readonly time: string;
  /** `Mon`. */
  readonly weekday: string;
  readonly isWeekend: boolean;
  /** From 22:00 to 07:00. */
  readonly isNight: boolean;
}

const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] as const;
const NIGHT_FROM_HOUR = 22;
const NIGHT_TO_HOUR = 7;

/** @param at epoch milliseconds @param zone a valid IANA name */
export function localMoment(at: number, zone: string): LocalMoment {
  const local = Temporal.Instant.fromEpochMilliseconds(Math.floor(at)).toZonedDateTimeISO(zone);
  const twoDigits = (number: number): string => String(number).padStart(2, '0');
  return {
    date: local.toPlainDate().toString(),
    time: `${twoDigits(local.hour)}:${twoDigits(local.minute)}`,
    weekday: WEEKDAYS[local.dayOfWeek - 1] ?? '',
    isWeekend: local.dayOfWeek > 5,
    isNight: local.hour >= NIGHT_FROM_HOUR || local.hour < NIGHT_TO_HOUR,
  };
}

/** The zone a plan lives in: that of its first window, or UTC. */
export function zoneOfPlan(plan: Plan): string {
  const windows = plan.phases.flatMap(({ steps }) => steps).flatMap((step) => step.windows);
  return windows[0]?.zone ?? 'UTC';
}
