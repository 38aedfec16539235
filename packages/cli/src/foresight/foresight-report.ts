import type { ExposureCase, Finding, Foresight, Severity } from '@theseus/core/simulate';
import { isWorse, localMoment } from '@theseus/core/simulate';
import { formatDuration } from '@theseus/core/time';

/** In few words, why no rollback takes a step back. */
export const WHY_ONE_WAY = { irreversible: 'irreversible', 'no-undo': 'no undo', retires: 'retires a flag' } as const;

/** A finding with where it stands in the plan's file, where that is known. */
export interface LocatedFinding extends Finding {
  /** `plan.yaml:12`, or the file alone. */
  readonly place: string;
  readonly line: number | null;
}

/** What a foresight is told from, in text, NDJSON and HTML alike. */
export interface ForesightReport {
  readonly foresight: Foresight;
  readonly file: string;
  readonly findings: readonly LocatedFinding[];
  /** The faults it was played with, as written. */
  readonly whatIf: readonly string[];
  readonly seed: number;
}

/** `12 500`: with a space that does not break. */
export function groupDigits(number: number): string {
  return String(number).replace(/\B(?=(\d{3})+$)/g, '\u00a0');
}

/** `Mon 2026-03-02 09:00`, on the clock of the zone. */
export function momentText(at: number, zone: string): string {
  const { weekday, date, time } = localMoment(at, zone);
  return `${weekday} ${date} ${time}`;
}

/** One thing, or several of it. */
export function countOf(number: number, noun: string): string {
  return `${groupDigits(number)} ${noun}${number === 1 ? '' : 's'}`;
}

/** `2 errors, 1 note`, or that there is nothing. */
export function severitiesText(findings: readonly Finding[]): string {
  const severities: readonly Severity[] = ['error', 'warning', 'note'];
  const counts = severities.flatMap((severity) => {
    const number = findings.filter((known) => known.severity === severity).length;
    return number === 0 ? [] : countOf(number, severity);
  });
  return counts.length === 0 ? 'none found' : counts.join(', ');
}

/** What a case comes to, in a few words. */
export function caseText({ never, goneMs, people, personMinutes }: ExposureCase): string {
  const crowd = countOf(people, 'user');
  if (personMinutes === null || goneMs === null) return `${crowd}, ${NEVER[never ?? 'not-taken-back']}`;
  return `${crowd} for ${formatDuration(goneMs)}: ${groupDigits(personMinutes)} user-minutes`;
}

const NEVER: Readonly<Record<NonNullable<ExposureCase['never']>, string>> = {
  'too-few-requests': 'never taken back: too few requests to judge by',
  'outlives-the-ramp': 'never taken back: the ramp ends before the rule fires',
  'not-taken-back': 'never taken back by the gate',
};

/** The worst case at each stage, in the order of time. */
export function worstPerStage(cases: readonly ExposureCase[]): readonly ExposureCase[] {
  return worstBy(cases, ({ stepId, flag, at }) => JSON.stringify([stepId, flag, at]));
}

/** The worst case of each flag, in the order of time. */
export function worstPerFlag(cases: readonly ExposureCase[]): readonly ExposureCase[] {
  return worstBy(cases, ({ flag, stepId }) => flag ?? stepId);
}

function worstBy(cases: readonly ExposureCase[], keyOf: (known: ExposureCase) => string): readonly ExposureCase[] {
  const worst = new Map<string, ExposureCase>();
  for (const known of cases) {
    const before = worst.get(keyOf(known));
    if (before === undefined || isWorse(known, before)) worst.set(keyOf(known), known);
  }
  return [...worst.values()];
}

const TOLD = [
  'rollback.initiated',
  'rollback.completed',
  'rollback.failed',
  'step.held',
  'step.released',
  'step.warned',
  'step.skipped',
  'run.paused',
];

/** What does not go as planned: events that people would be called for, in the order of time. */
export function troubleOf({ simulation }: Foresight): Foresight['simulation']['events'] {
  return simulation.events.filter(({ type }) => TOLD.includes(type));
}
