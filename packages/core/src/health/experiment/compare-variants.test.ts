import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomOf } from '../../simulate/modelled-traffic.ts';
import { compareVariants } from './compare-variants.ts';
import type { Metric, MetricComparison, ObservedVariant, VariantComparison } from './metric-comparison.ts';

const RATE: Metric = { name: 'response-rate', goal: 'replied', measure: 'rate', better: 'higher' };

function arm(variant: string, users: number, conversions: number, expected = 0.5): ObservedVariant {
  return { variant, users, conversions, value: conversions, squares: conversions, expected };
}

const compare = (variants: readonly ObservedVariant[], metric: Partial<Metric> = {}): MetricComparison =>
  compareVariants({ flag: 'reply', metric: { ...RATE, ...metric }, variants });

const only = ({ comparisons }: MetricComparison): VariantComparison => {
  const [first] = comparisons;
  if (first === undefined) throw new Error('nothing was compared');
  return first;
};

describe('compareVariants()', () => {
  it('gives the difference of rates with an interval that holds at all looks [CO-7]', () => {
    const found = only(compare([arm('legacy', 1_000, 300), arm('short', 1_000, 380)]));
    expect(found).toMatchObject({ variant: 'short', control: 'legacy', users: 1_000, conversions: 380, level: 0.95 });
    expect(found.estimate).toBeCloseTo(0.38, 12);
    expect(found.difference).toBeCloseTo(0.08, 12);
    // By hand, with the variance 2000 (v1 + v2) / 1000 of one user, v = p (1 - p) and p = (c + 1) / (n + 2).
    expect(found.low).toBeCloseTo(0.08 - 0.06595665, 7);
    expect(found.high).toBeCloseTo(0.08 + 0.06595665, 7);
    expect(found).toMatchObject({ verdict: 'better', moreUsers: null });
  });

  it('says worse, or better where lower is better, only by the whole interval [CO-7]', () => {
    const less = [arm('legacy', 1_000, 380), arm('short', 1_000, 300)];
    expect(only(compare(less)).verdict).toBe('worse');
    expect(only(compare(less, { better: 'lower' })).verdict).toBe('better');
    const little = only(compare([arm('legacy', 1_000, 300), arm('short', 1_000, 310)]));
    expect(little.verdict).toBe('no-difference-shown');
    expect(little.low).toBeLessThan(0);
    expect(little.high).toBeGreaterThan(0);
  });

  it('says how many more users would show a difference as large as the present one', () => {
    const now = only(compare([arm('legacy', 1_000, 300), arm('short', 1_000, 340)]));
    const times = 1 + (now.moreUsers ?? 0) / 2_000;
    const scaled = (variant: string, rate: number) => arm(variant, 1_000 * times, 1_000 * times * rate);
    expect(only(compare([scaled('legacy', 0.3), scaled('short', 0.34)])).verdict).toBe('better');
    const [few, fewer] = [scaled('legacy', 0.3), scaled('short', 0.34)].map((each) => ({
      ...each,
      users: each.users * 0.9,
      conversions: each.conversions * 0.9,
    }));
    expect(only(compare([few, fewer] as ObservedVariant[])).verdict).toBe('no-difference-shown');
    expect(only(compare([arm('legacy', 1_000, 300), arm('short', 1_000, 300)])).moreUsers).toBeNull();
  });

  it.each([
    ['too few users', arm('legacy', 99, 50), arm('short', 99, 50), 2],
    ['too few who reached the goal', arm('legacy', 500, 5), arm('short', 500, 5), 1_500],
    ['nobody who reached the goal', arm('legacy', 500, 0), arm('short', 500, 0), 1_000],
  ])('has no interval for %s, and says how many more it takes', (_what, control, variant, moreUsers) => {
    expect(only(compare([control, variant]))).toMatchObject({
      low: null,
      high: null,
      verdict: 'needs-data',
      moreUsers,
    });
  });

  it('shares what may go wrong among several variants, so that each interval is wider [CO-7]', () => {
    const [control, short] = [arm('legacy', 1_000, 300), arm('short', 1_000, 340)];
    const two = only(compare([control, short]));
    const three = only(compare([control, short, arm('long', 1_000, 300)]));
    expect((three.high ?? 0) - (three.low ?? 0)).toBeGreaterThan((two.high ?? 0) - (two.low ?? 0));
  });

  it('compares the mean value of users by its own variance [CO-7]', () => {
    const spend = (variant: string, users: number, value: number, squares: number): ObservedVariant => ({
      variant,
      users,
      conversions: users,
      value,
      squares,
      expected: 0.5,
    });
    const found = only(
      compare([spend('legacy', 2_000, 20_000, 210_000), spend('short', 2_000, 22_000, 252_000)], {
        measure: 'value',
      }),
    );
    expect(found.difference).toBeCloseTo(1, 9);
    expect(found.verdict).toBe('better');
    expect(found.low).toBeCloseTo(1 - 0.21504065, 7);
  });

  it('refuses a result whose users are not divided as they should be, and says by how much [CO-7]', () => {
    const found = compare([arm('legacy', 5_000, 1_000), arm('short', 4_500, 1_200)]);
    expect(found.comparisons).toEqual([]);
    expect(found.problem).toMatch(/not divided as they should be.*legacy has 52\.6 % .* should have 50 %/);
    expect(compare([arm('legacy', 5_000, 1_000), arm('short', 4_900, 1_200)]).problem).toBeNull();
  });

  it('has nothing to say without users, or without anybody to compare with', () => {
    expect(compare([arm('legacy', 0, 0), arm('short', 0, 0)]).problem).toBe('nobody was exposed yet');
    expect(compare([arm('short', 10, 1)]).problem).toBe('there is nothing to compare with');
  });

  it('turns round when variant and control change places [CO-7]', () => {
    const users = fc.integer({ min: 1_000, max: 100_000 });
    const share = fc.double({ min: 0.05, max: 0.95, noNaN: true });
    fc.assert(
      fc.property(users, share, share, (n, one, other) => {
        const [left, right] = [arm('a', n, Math.round(n * one)), arm('b', n, Math.round(n * other))];
        const [there, back] = [only(compare([left, right])), only(compare([right, left]))];
        expect(there.low).toBeCloseTo(-(back.high ?? Number.NaN), 12);
        expect(there.high ?? 0).toBeGreaterThan(there.low ?? 0);
        const opposite = { better: 'worse', worse: 'better' } as Readonly<Record<string, string>>;
        expect(back.verdict).toBe(opposite[there.verdict] ?? there.verdict);
      }),
    );
  });
});

/** Looks at ever more users, as people do who come back every day. */
const LOOKS = [200, 300, 500, 800, 1_200, 2_000, 3_000, 5_000, 8_000, 12_000, 20_000];

interface Truth {
  readonly control: number;
  readonly variant: number;
  /** The share of users in the variant. */
  readonly share: number;
}

/** The looks of one experiment in which users come one by one. */
function play({ control, variant, share }: Truth, random: () => number): readonly MetricComparison[] {
  const arms = { control: { n: 0, c: 0 }, variant: { n: 0, c: 0 } };
  const looks: MetricComparison[] = [];
  let users = 0;
  for (const size of LOOKS) {
    for (; users < size; users += 1) {
      const name = random() < share ? 'variant' : 'control';
      arms[name].n += 1;
      if (random() < (name === 'variant' ? variant : control)) arms[name].c += 1;
    }
    looks.push(
      compare([
        arm('legacy', arms.control.n, arms.control.c, 1 - share),
        arm('short', arms.variant.n, arms.variant.c, share),
      ]),
    );
  }
  return looks;
}

const EXPERIMENTS = 2_000;

describe('the interval over many looks', () => {
  it.each([
    ['an even split', { control: 0.2, variant: 0.2, share: 0.5 }],
    ['a tenth on the variant', { control: 0.3, variant: 0.3, share: 0.1 }],
    ['a goal that few reach and few are asked', { control: 0.05, variant: 0.05, share: 0.1 }],
    ['a goal that hardly anybody reaches', { control: 0.02, variant: 0.02, share: 0.5 }],
    ['a real difference', { control: 0.3, variant: 0.36, share: 0.5 }],
  ])(
    'misses the truth in no more experiments than it says, with %s [CO-7]',
    (_what, truth) => {
      const random = randomOf(20_261_123);
      let missed = 0;
      let refused = 0;
      for (let number = 0; number < EXPERIMENTS; number += 1) {
        const looks = play(truth, random);
        const difference = truth.variant - truth.control;
        const isMissed = ({ comparisons }: MetricComparison): boolean =>
          comparisons.some(({ low, high }) => low !== null && high !== null && (low > difference || high < difference));
        if (looks.some(isMissed)) missed += 1;
        if (looks.some(({ problem }) => problem !== null)) refused += 1;
      }
      expect(missed / EXPERIMENTS).toBeLessThanOrEqual(0.05);
      // One in two thousand is expected at most; four are less likely than one in fifty.
      expect(refused).toBeLessThanOrEqual(4);
    },
    60_000,
  );

  it('finds a true effect, and finds it in the right direction [CO-7]', () => {
    const random = randomOf(7);
    const verdicts = Array.from({ length: 200 }, () => {
      const last = play({ control: 0.3, variant: 0.36, share: 0.5 }, random).at(-1);
      return last === undefined ? 'none' : only(last).verdict;
    });
    expect(verdicts.filter((verdict) => verdict === 'better').length / verdicts.length).toBeGreaterThan(0.99);
    expect(verdicts).not.toContain('worse');
  });
});
