import { EXPOSURE_WHOLE } from '../flag/index.ts';
import { parseDuration } from '../time/index.ts';
import { nearest } from './did-you-mean.ts';
import type { Path, Problems } from './problems.ts';

const LONG_UNITS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    millisecond: 'ms',
    milliseconds: 'ms',
    msec: 'ms',
    sec: 's',
    secs: 's',
    second: 's',
    seconds: 's',
    min: 'm',
    mins: 'm',
    minute: 'm',
    minutes: 'm',
    hr: 'h',
    hrs: 'h',
    hour: 'h',
    hours: 'h',
    day: 'd',
    days: 'd',
    week: 'w',
    weeks: 'w',
  }),
);

/** A duration in milliseconds, or null after telling what is wrong with it. */
export function readDuration(problems: Problems, path: Path, text: string): number | null {
  const ms = parseDuration(text);
  if (ms !== null) return ms;
  const written = /^\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*$/i.exec(text);
  const meant = written === null ? undefined : unitFor(written[2] ?? '');
  const mend =
    meant === undefined
      ? 'write a number and a unit: 250ms, 30s, 30m, 1h30m, 2d, 8w'
      : `did you mean '${written?.[1]}${meant}'?`;
  problems.add({ path, code: 'invalid-duration', message: `'${text}' is not a duration`, mend });
  return null;
}

/** A duration above zero, for what could never come true within none at all; else as {@link readDuration}. */
export function readSpan(problems: Problems, path: Path, text: string): number | null {
  const ms = readDuration(problems, path, text);
  if (ms !== 0) return ms;
  problems.add({
    path,
    code: 'no-time',
    message: `'${text}' is no time at all`,
    mend: 'write one above 0, such as 30s',
  });
  return null;
}

function unitFor(written: string): string | undefined {
  const lower = written.toLowerCase();
  return LONG_UNITS.get(lower) ?? LONG_UNITS.get(nearest(lower, LONG_UNITS.keys()) ?? '');
}

/** A percentage as parts of 100 000, or null after telling what is wrong with it. Zero only where it is allowed. */
export function readPercent(
  problems: Problems,
  path: Path,
  text: string,
  { zero = false }: { readonly zero?: boolean } = {},
): number | null {
  const match = /^\s*(\d+(?:\.\d+)?)\s*%\s*$/.exec(text);
  const parts = match === null ? Number.NaN : Number(match[1]) * (EXPOSURE_WHOLE / 100);
  const rounded = Math.round(parts);
  if (match === null || rounded > EXPOSURE_WHOLE) {
    const number = /^\s*(\d+(?:\.\d+)?)\s*$/.exec(text);
    const mend = number === null ? 'write a percentage from 0.001% to 100%' : `did you mean '${number[1]}%'?`;
    problems.add({ path, code: 'invalid-percentage', message: `'${text}' is not a percentage`, mend });
    return null;
  }
  if ((rounded < 1 && !(zero && parts === 0)) || Math.abs(parts - rounded) > 1e-6) {
    const mend = 'the smallest share is 0.001%, in steps of 0.001%';
    problems.add({ path, code: 'invalid-percentage', message: `'${text}' cannot be bucketed`, mend });
    return null;
  }
  return rounded;
}

/** Tells that no time is watched at an exposure: allowed, but seldom meant. */
export function warnNoSoak(problems: Problems, path: Path, soakMs: number | null): void {
  if (soakMs !== 0) return;
  const message = 'a soak of 0 watches no exposure before the next one';
  problems.add({ path, code: 'no-soak', message, mend: 'give it some time, such as 30m', severity: 'warning' });
}
