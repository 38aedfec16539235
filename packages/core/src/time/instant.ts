import { Temporal } from 'temporal-polyfill';

/** Reads `2026-05-05T09:00:00Z`, an offset, or a local time with a zone `[Europe/Berlin]`, as epoch ms; null otherwise. */
export function parseInstant(text: string): number | null {
  try {
    if (text.includes('[')) return Temporal.ZonedDateTime.from(text.trim()).epochMilliseconds;
    return Temporal.Instant.from(text.trim()).epochMilliseconds;
  } catch {
    return null;
  }
}
