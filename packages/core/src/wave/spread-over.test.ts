import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { spreadOver } from './spread-over.ts';

const strata = fc.array(fc.nat({ max: 100_000 }), { minLength: 1, maxLength: 12 });

describe('spreadOver()', () => {
  test('gives exactly as many as are wanted, each stratum within one of its part and never more than it has [PX-3]', () => {
    fc.assert(
      fc.property(strata, fc.nat({ max: 300_000 }), fc.string({ maxLength: 3 }), (counts, wanted, name) => {
        const available = new Map(counts.map((count, at) => [`${name}${at}`, count]));
        const all = counts.reduce((sum, count) => sum + count, 0);
        const spread = spreadOver(available, wanted, 'phoenix-2026');
        expect([...spread.values()].reduce((sum, count) => sum + count, 0)).toBe(Math.min(wanted, all));
        for (const [stratum, count] of spread) {
          const there = available.get(stratum) ?? 0;
          expect(count).toBeLessThanOrEqual(there);
          if (wanted < all) expect(Math.abs(count - (there * wanted) / all)).toBeLessThan(1);
        }
      }),
    );
  });

  test('draws equal remainders by the salt, whatever the order of the strata', () => {
    const names = ['EU', 'US', 'APAC', 'LATAM', 'MEA', 'ANZ'];
    const winner = (salt: string, order: readonly string[]) => {
      const spread = spreadOver(new Map(order.map((name) => [name, 10])), 1, salt);
      return names.find((name) => spread.get(name) === 1);
    };
    const salts = Array.from({ length: 20 }, (_, at) => `plan-${String(at).padStart(3, '0')}`);
    for (const salt of salts) expect(winner(salt, names)).toBe(winner(salt, names.toReversed()));
    expect(new Set(salts.map((salt) => winner(salt, names))).size).toBeGreaterThan(1);
  });
});
