import { formatDuration, parseDuration } from './duration.ts';

const SHAPE = /^T\s*(?:([+-])\s*(\S.*))?$/;

/** Reads `T-24h`, `T+15m` or `T` as milliseconds from a plan's own moment T; null for anything else. */
export function parseOffset(text: string): number | null {
  const match = SHAPE.exec(text.trim());
  if (match === null) return null;
  const [, sign, duration] = match;
  if (duration === undefined) return 0;
  const ms = parseDuration(duration);
  return ms === null ? null : (sign === '-' ? -1 : 1) * ms;
}

/** Writes milliseconds from T the way {@link parseOffset} reads them: `T-30m`, `T+1h`, `T`. */
export function formatOffset(ms: number): string {
  if (ms === 0) return 'T';
  return `T${ms < 0 ? '-' : '+'}${formatDuration(Math.abs(ms)).replaceAll(' ', '')}`;
}
