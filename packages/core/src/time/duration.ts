const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

const SHAPE = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d|w)\s*)+$/;
const PART = /(\d+(?:\.\d+)?)(ms|s|m|h|d|w)/g;

/** Reads `250ms`, `30m`, `1h30m`, `2d` or `8w` as milliseconds; null for anything else. A day is 24 hours. */
export function parseDuration(text: string): number | null {
  const trimmed = text.trim();
  if (trimmed === '0') return 0;
  if (!SHAPE.test(trimmed)) return null;
  let total = 0;
  for (const [, amount, unit] of trimmed.matchAll(PART)) total += Number(amount) * (UNITS[unit ?? ''] ?? 0);
  return Number.isSafeInteger(Math.round(total)) ? Math.round(total) : null;
}

/** Writes milliseconds the way people read them: `1h 30m`, `45s`, `250ms`; at most the two largest units. */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms)) return 'for ever';
  const sign = ms < 0 ? '-' : '';
  const whole = Math.round(Math.abs(ms));
  if (whole < 1_000) return `${sign}${whole}ms`;
  if (whole < 10_000 && whole % 1_000 !== 0) return `${sign}${(whole / 1_000).toFixed(1)}s`;
  let left = Math.round(whole / 1_000);
  const parts: string[] = [];
  for (const [name, seconds] of [
    ['w', 604_800],
    ['d', 86_400],
    ['h', 3_600],
    ['m', 60],
    ['s', 1],
  ] as const) {
    const count = Math.floor(left / seconds);
    left -= count * seconds;
    if (count > 0) parts.push(`${count}${name}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return sign + parts.join(' ');
}
