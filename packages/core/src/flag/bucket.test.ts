import { describe, expect, test } from 'vitest';
import { bucket } from './bucket.ts';
import { EXPOSURE_WHOLE } from './flag-document.ts';
import { saltState } from './murmur3.ts';
import vectors from './murmur3-vectors.json' with { type: 'json' };

describe('bucket()', () => {
  test('is the exact multiply-shift of the hash', () => {
    const ours = vectors.map(({ salt, key }) => ({ salt, key, bucket: bucket(saltState(salt), key) }));
    expect(ours).toEqual(vectors.map(({ salt, key, bucket: expected }) => ({ salt, key, bucket: expected })));
  });

  test.each([
    ['ids in a row', (n: number) => `user-${n}`],
    ['bare numbers', (n: number) => String(n)],
    ['addresses', (n: number) => `person.${n}@example.com`],
    ['names beyond ASCII', (n: number) => `użytkownik-${n}-日`],
  ])('spreads %s evenly [CO-1]', (_what, keyOf) => {
    const state = saltState('cvplus-2026a');
    const counts = new Array<number>(100).fill(0);
    const subjects = 200_000;
    for (let n = 0; n < subjects; n += 1) {
      const cell = Math.floor(bucket(state, keyOf(n)) / (EXPOSURE_WHOLE / 100));
      counts[cell] = (counts[cell] as number) + 1;
    }
    const expected = subjects / 100;
    const chiSquared = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // 99 degrees of freedom: an even spread lies in this range in 99.9 % of cases.
    expect(chiSquared).toBeGreaterThan(56);
    expect(chiSquared).toBeLessThan(149);
  });

  test('gives two salts independent queues', () => {
    const [one, two] = [saltState('plan-one'), saltState('plan-two')];
    let both = 0;
    for (let n = 0; n < 100_000; n += 1) {
      if (bucket(one, `user-${n}`) < 25_000 && bucket(two, `user-${n}`) < 25_000) both += 1;
    }
    expect(both / 100_000).toBeCloseTo(0.0625, 2);
  });
});
