import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Alternatives, accumulate, evidenceOf, limitGrowth, splitGrowth } from './e-process.ts';

const MORE: Alternatives = { factors: [1.6, 5, 12], weights: [0.5, 0.3, 0.2] };
const FEWER: Alternatives = { factors: [0.8, 0.25], weights: [0.6, 0.4] };
const FREE = { perLook: Number.POSITIVE_INFINITY, most: Number.POSITIVE_INFINITY };
const odds = fc.double({ min: 0.01, max: 10, noNaN: true });
const ratio = fc.double({ min: 0.3, max: 3, noNaN: true });

/** The expected value of the e-process after one look at so many events, if the true ratio of the rates is theta. */
function expectation(
  events: number,
  { w, theta, nullRatio }: { readonly w: number; readonly theta: number; readonly nullRatio: number },
  alternatives: Alternatives,
  { limits = FREE, effect = 1 } = {},
): number {
  const q = (w * theta) / (1 + w * theta);
  let sum = 0;
  let ways = 1;
  for (let x = 0; x <= events; x += 1) {
    const growth = splitGrowth({ candidate: x, legacy: events - x }, w, nullRatio, alternatives);
    const sums = accumulate(
      alternatives.factors.map(() => 0),
      growth,
      limits,
      effect,
    );
    sum += ways * q ** x * (1 - q) ** (events - x) * evidenceOf(sums, [1], alternatives, effect);
    ways = (ways * (events - x)) / (x + 1);
  }
  return sum;
}

describe('splitGrowth()', () => {
  it('makes a martingale of mean 1 when the rates have exactly the ratio of the null [CV-3]', () => {
    fc.assert(
      fc.property(odds, ratio, fc.integer({ min: 0, max: 12 }), (w, theta, events) => {
        const at = { w, theta, nullRatio: theta };
        expect(expectation(events, at, MORE)).toBeCloseTo(1, 4);
        expect(expectation(events, at, FEWER)).toBeCloseTo(1, 4);
      }),
    );
  });

  it('makes a supermartingale on the harmless side of the null, also with a limit to a look and clustered users', () => {
    fc.assert(
      fc.property(
        odds,
        ratio,
        fc.integer({ min: 1, max: 12 }),
        fc.double({ min: 1, max: 5, noNaN: true }),
        (w, nullRatio, events, effect) => {
          const limits = { perLook: 1.7, most: 100 };
          const better = { w, nullRatio, theta: nullRatio * 0.7 };
          expect(expectation(events, better, MORE)).toBeLessThanOrEqual(1 + 1e-6);
          expect(expectation(events, better, MORE, { limits, effect })).toBeLessThanOrEqual(1 + 1e-6);
          expect(expectation(events, { ...better, theta: nullRatio * 1.4 }, FEWER)).toBeLessThanOrEqual(1 + 1e-6);
        },
      ),
    );
  });

  it('grows on the harmful side', () => {
    expect(expectation(12, { w: 0.5, nullRatio: 1, theta: 5 }, MORE)).toBeGreaterThan(10);
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('learns nothing from an exposure of %d', (w) =>
    expect(splitGrowth({ legacy: 3, candidate: 4 }, w, 1, MORE)).toEqual([0, 0, 0]),
  );
});

describe('limitGrowth()', () => {
  it('makes a martingale of mean 1 at the limit, and less below it [CV-3]', () => {
    for (const [share, isAtLimit] of [
      [0.05, true],
      [0.03, false],
    ] as const) {
      let mean = 0;
      let ways = 1;
      for (let x = 0; x <= 10; x += 1) {
        const growth = limitGrowth(x, 10, 0.05, MORE);
        const value = growth.reduce((sum, each, at) => sum + (MORE.weights[at] ?? 0) * Math.exp(each), 0);
        mean += ways * share ** x * (1 - share) ** (10 - x) * value;
        ways = (ways * (10 - x)) / (x + 1);
      }
      if (isAtLimit) expect(mean).toBeCloseTo(1, 9);
      else expect(mean).toBeLessThan(1);
    }
  });
});

describe('accumulate()', () => {
  it('adds the growth to every start, no more than a look may say and nobody needs, and never below its floor', () => {
    const limits = { perLook: 2, most: 3 };
    expect(accumulate([0, 0, 2e6, -19e6], [5, -4], limits, 1)).toEqual([2e6, -4e6, 3e6, -20e6]);
    expect(accumulate([0, 0], [5, -4], limits, 2)).toEqual([4e6, -4e6]);
  });
});

describe('evidenceOf()', () => {
  it('is 1 before anything was seen, and counts what has not begun as 1', () => {
    expect(evidenceOf([], [], MORE, 1)).toBe(1);
    expect(evidenceOf([0, 0, 0], [0.7], MORE, 1)).toBe(1);
    expect(evidenceOf([-20e6, -20e6, -20e6], [0.7], MORE, 1)).toBeCloseTo(0.3, 6);
  });

  it('crosses 20 in at most 5 of 100 harmless runs, however often one looks (Ville)', () => {
    let crossed = 0;
    const random = lehmer(42);
    for (let run = 0; run < 1_000; run += 1) {
      let sums: readonly number[] = [0, 0, 0];
      for (let at = 0; at < 200; at += 1) {
        let candidate = 0;
        const events = Math.floor(random() * 6);
        for (let event = 0; event < events; event += 1) if (random() < 0.1) candidate += 1;
        sums = accumulate(sums, splitGrowth({ candidate, legacy: events - candidate }, 1 / 9, 1, MORE), FREE, 1);
        if (evidenceOf(sums, [1], MORE, 1) < 20) continue;
        crossed += 1;
        break;
      }
    }
    expect(crossed).toBeLessThanOrEqual(50);
  });
});

function lehmer(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
