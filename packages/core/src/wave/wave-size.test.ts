import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type SharedWave, type WaveSize, waveCount } from './wave-size.ts';

/** Takes the waves one after another, as a plan does, and says how many each got. */
function takeAll(sizes: readonly WaveSize[], all: number, taken = 0): readonly number[] {
  const counts: number[] = [];
  let remaining = all - taken;
  for (const size of sizes) {
    const before = size.kind === 'remaining' ? size.after.length : 0;
    const takenBefore = before === 0 ? 0 : counts.slice(-before).reduce((sum, one) => sum + one, 0);
    const count = waveCount(size, { all, remaining, takenBefore });
    counts.push(count);
    remaining -= count;
  }
  return counts;
}

function series(shares: readonly number[]): readonly WaveSize[] {
  return shares.map((share, at) => ({
    kind: 'remaining',
    share,
    after: shares.slice(0, at).map((before, index): SharedWave => ({ wave: `wave-${index}`, share: before })),
  }));
}

describe('waveCount()', () => {
  test('takes 50 for the pilot, 25 % of all for the beta, then 40, 30, 20 and 10 % of the remaining, and so everybody [PX-3, PX-4, PX-5]', () => {
    const sizes: readonly WaveSize[] = [
      { kind: 'count', count: 50 },
      { kind: 'share', share: 25_000 },
      ...series([40_000, 30_000, 20_000, 10_000]),
    ];
    const counts = takeAll(sizes, 1_250);
    expect(counts).toEqual([50, 313, 355, 266, 177, 89]);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(1_250);
  });

  test('gives each share of the remaining within one of its exact part, and all of them everybody [PX-5]', () => {
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: 99_999 }), { maxLength: 8 });
    fc.assert(
      fc.property(cuts, fc.nat({ max: 2_000_000 }), (places, remaining) => {
        const bounds = [0, ...places.toSorted((one, other) => one - other), 100_000];
        const shares = bounds.slice(1).map((bound, at) => bound - (bounds[at] ?? 0));
        const counts = takeAll(series(shares), remaining);
        expect(counts.reduce((sum, count) => sum + count, 0)).toBe(remaining);
        for (const [at, count] of counts.entries()) {
          expect(Math.abs(count - (remaining * (shares[at] ?? 0)) / 100_000)).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  test('takes those who came while a series was under way with the last of it [PX-5]', () => {
    const last: WaveSize = { kind: 'remaining', share: 10_000, after: [{ wave: 'first', share: 90_000 }] };
    expect(waveCount(last, { all: 1_007, remaining: 107, takenBefore: 900 })).toBe(107);
  });

  test.each<readonly [WaveSize, number]>([
    [{ kind: 'all' }, 7],
    [{ kind: 'count', count: 5 }, 5],
    [{ kind: 'count', count: 500 }, 7],
    [{ kind: 'share', share: 50_000 }, 7],
    [{ kind: 'share', share: 1_000 }, 1],
    [{ kind: 'remaining', share: 1_000, after: [{ wave: 'too-big', share: 1_000 }] }, 0],
  ])('never takes more than there are, nor fewer than none: %j gives %i', (size, count) => {
    expect(waveCount(size, { all: 100, remaining: 7, takenBefore: 93 })).toBe(count);
  });
});
