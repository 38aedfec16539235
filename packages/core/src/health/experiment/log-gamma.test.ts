import { describe, expect, it } from 'vitest';
import { logGamma } from './log-gamma.ts';

describe('logGamma()', () => {
  it.each([
    [0.5, 0.5723649429247001],
    [1, 0],
    [5, 3.1780538303479458],
    [100, 359.1342053695754],
    [100_000, 1_051_287.7089736538],
  ])('of %d is as the tables have it', (x, expected) => {
    expect(Math.abs(logGamma(x) - expected)).toBeLessThan(1e-9 * Math.max(1, expected));
  });
});
