import { describe, expect, it } from 'vitest';
import { formatOffset, parseOffset } from './offset.ts';

describe('parseOffset()', () => {
  it.each<[string, number | null]>([
    ['T', 0],
    ['T-24h', -86_400_000],
    ['T-30m', -1_800_000],
    ['T + 15m', 900_000],
    ['T+1h30m', 5_400_000],
    ['T-', null],
    ['T-soon', null],
    ['-30m', null],
    ['T30m', null],
  ])('reads %j as %j [QA-3]', (text, ms) => expect(parseOffset(text)).toBe(ms));

  it('reads what formatOffset() writes', () => {
    for (const ms of [0, -1_800_000, 5_400_000, -86_400_000]) expect(parseOffset(formatOffset(ms))).toBe(ms);
  });
});
