import type { Reading, ReadingStatus } from '@theseus/core/health';

export type Fresh = Pick<Reading, 'signal' | 'source' | 'query'>;

export function noReading(of: Fresh, status: Exclude<ReadingStatus, 'ok'>, problem: string): Reading {
  // A problem may quote what a source answered, and PostgreSQL keeps no NUL.
  return { ...of, status, value: null, ageMs: 0, problem: problem.replaceAll('\0', '\ufffd') };
}

/** A number from the outside. What is not a finite number is no data, never zero. */
export function valueReading(of: Fresh, found: unknown): Reading {
  const value = typeof found === 'string' && /^\s*-?\d+(\.\d+)?([eE][-+]?\d+)?\s*$/.test(found) ? Number(found) : found;
  if (typeof value === 'number' && Number.isFinite(value)) return { ...of, status: 'ok', value, ageMs: 0 };
  const shown = found === undefined ? 'nothing' : JSON.stringify(found)?.slice(0, 100);
  return noReading(of, 'no-data', `the source answered ${shown}, which is not a number`);
}
