import { TheseusError } from '@theseus/core/error';

/** However long a server asks for: a rollback must not wait longer for an instance that was once refused. */
const LONGEST_MS = 60_000;

const REFUSED_FOR_NOW: readonly number[] = [429, 503];

/** The server answered that it is too busy, and perhaps for how long. */
export class BusyError extends TheseusError {
  /** How long it asks to be left alone, in milliseconds; 0 where it does not say. */
  readonly retryAfterMs: number;

  constructor(what: string, status: number, retryAfterMs: number) {
    const after = retryAfterMs === 0 ? '' : `, and asks to be left alone for ${Math.ceil(retryAfterMs / 1_000)} s`;
    super('overloaded', `Cannot exchange ${what}: the server is too busy (${status})${after}`);
    this.retryAfterMs = retryAfterMs;
  }
}

export function isBusy(status: number): boolean {
  return REFUSED_FOR_NOW.includes(status);
}

/**
 * Reads `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date of HTTP.
 *
 * @param now epoch milliseconds
 * @returns milliseconds, at most a minute; 0 where nothing sensible is said
 */
export function readRetryAfter(header: string | undefined, now: number): number {
  if (header === undefined) return 0;
  const text = header.trim();
  const waitMs = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - now;
  return Number.isFinite(waitMs) ? Math.min(LONGEST_MS, Math.max(0, waitMs)) : 0;
}
