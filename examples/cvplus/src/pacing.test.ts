import { describe, expect, it } from 'vitest';
import { nextPace, pagesDue, quantileOf } from './pacing.ts';

const LIMITS = { target: 150, least: 60, slowMs: 120 };

describe('pagesDue()', () => {
  it('asks for exactly the pace over time, whatever the ticks', () => {
    let carried = 0;
    let pages = 0;
    for (const elapsedMs of Array.from({ length: 1_000 }, (_, index) => [7, 20, 33][index % 3] ?? 20)) {
      const due = pagesDue(150, elapsedMs, carried);
      carried = due.carried;
      pages += due.pages;
    }
    const totalMs = 334 * 7 + 333 * 20 + 333 * 33;
    expect(pages).toBe(Math.floor((150 * totalMs) / 1_000));
  });

  it('does not ask for everything at once that a standstill of the machine missed', () => {
    expect(pagesDue(100, 60_000, 0).pages).toBe(25);
  });
});

describe('nextPace()', () => {
  it.each([
    ['slow pages', 100, { latencyMs: 121, skipped: 0 }, 80],
    ['pages that pile up', 100, { latencyMs: 20, skipped: 1 }, 80],
    ['fast pages', 100, { latencyMs: 120, skipped: 0 }, 107.5],
    ['no pages at all', 100, { latencyMs: null, skipped: 0 }, 107.5],
    ['the target', 149, { latencyMs: 20, skipped: 0 }, 150],
    ['the least', 61, { latencyMs: 900, skipped: 50 }, 60],
  ])('follows %s', (_, pace, seen, expected) => {
    expect(nextPace(pace, seen, LIMITS)).toBe(expected);
  });

  it('finds a pace that a weak machine can keep, and comes back to the target on a strong one', () => {
    let pace = LIMITS.target;
    for (let second = 0; second < 60; second += 1) {
      pace = nextPace(pace, { latencyMs: pace > 90 ? 300 : 40, skipped: 0 }, LIMITS);
      if (second > 10) expect(pace).toBeLessThan(100);
    }
    for (let second = 0; second < 60; second += 1) pace = nextPace(pace, { latencyMs: 30, skipped: 0 }, LIMITS);
    expect(pace).toBe(LIMITS.target);
  });
});

describe('quantileOf()', () => {
  it('finds the value below which a share lies', () => {
    expect(quantileOf([5, 1, 4, 2, 3], 0.5)).toBe(3);
    expect(
      quantileOf(
        Array.from({ length: 100 }, (_, index) => index),
        0.95,
      ),
    ).toBe(95);
    expect(quantileOf([7], 0.95)).toBe(7);
    expect(quantileOf([], 0.95)).toBeNull();
  });
});
