import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cleanNeeded, ruledOutBy } from './clean-sample.ts';

describe('cleanNeeded()', () => {
  it.each([
    [0.02, 149],
    [0.05, 59],
    [0.01, 299],
    [0.001, 2_995],
    [0.5, 5],
  ])('asks to rule out a share of %d for %d people without a fault', (limit, people) => {
    expect(cleanNeeded(limit)).toBe(people);
  });

  it('is the least number that rules its limit out', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.0001, max: 0.9, noNaN: true }), (limit) => {
        const needed = cleanNeeded(limit);
        expect(ruledOutBy(needed)).toBeLessThanOrEqual(limit * (1 + 1e-9));
        if (needed > 1) expect(ruledOutBy(needed - 1)).toBeGreaterThan(limit * (1 - 1e-9));
      }),
    );
  });
});

describe('ruledOutBy()', () => {
  it('lets 50 of 50 show no more than 94.2 %', () => expect(1 - ruledOutBy(50)).toBeCloseTo(0.942, 3));
  it('lets nobody show nothing', () => expect(ruledOutBy(0)).toBe(1));
});
