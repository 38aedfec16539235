import { describe, expect, it } from 'vitest';
import { halfWidth } from './confidence-sequence.ts';

describe('halfWidth()', () => {
  it('is as the formula of the paper has it', () => {
    // rho^2 = (2 ln 20 + ln(2 ln 20 + 1)) / 5000 = 0.00158723.
    expect(halfWidth(0.5, 1_000, 0.05)).toBeCloseTo(0.053187735, 9);
    expect(halfWidth(0.5, 0, 0.05)).toBe(Number.POSITIVE_INFINITY);
  });

  it('shrinks with users, and grows with what is promised', () => {
    const sizes = [100, 1_000, 10_000, 1_000_000].map((n) => halfWidth(1, n, 0.05));
    expect(sizes.toSorted((left, right) => right - left)).toEqual(sizes);
    expect(halfWidth(1, 1_000, 0.01)).toBeGreaterThan(halfWidth(1, 1_000, 0.05));
  });
});
