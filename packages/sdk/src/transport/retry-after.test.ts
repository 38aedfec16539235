import { describe, expect, it } from 'vitest';
import { readRetryAfter } from './retry-after.ts';

const NOW = Date.parse('2026-11-24T10:00:00Z');

describe('readRetryAfter()', () => {
  it.each([
    ['7', 7_000],
    [' 0 ', 0],
    ['Tue, 24 Nov 2026 10:00:09 GMT', 9_000],
    ['Tue, 24 Nov 2026 09:00:00 GMT', 0],
    ['86400', 60_000],
    [`${'9'.repeat(400)}`, 0],
    ['-5', 0],
    ['soon', 0],
    ['', 0],
    [undefined, 0],
  ])('reads %j as %d ms', (header, expected) => {
    expect(readRetryAfter(header, NOW)).toBe(expected);
  });
});
