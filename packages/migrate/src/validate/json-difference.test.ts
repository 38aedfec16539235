import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { jsonDifference } from './json-difference.ts';

const BEFORE = {
  user: 'ada',
  total: 100,
  items: [
    { id: 'a', price: 10 },
    { id: 'b', price: 20 },
  ],
};

describe('jsonDifference()', () => {
  test('groups what differs by path, counts it and shows one [PX-2]', () => {
    const after = { ...BEFORE, items: BEFORE.items.map(({ id, price }) => ({ id, price: price + 1 })) };
    expect(jsonDifference(BEFORE, after)).toEqual({
      score: 1 - 2 / 6,
      differences: [{ path: '$.items[*].price', kind: 'changed', legacy: 10, candidate: 11, count: 2 }],
    });
  });

  test.each([
    ['absolute', { absolute: 1 }],
    ['relative', { relative: 0.1 }],
  ])('lets numbers differ within a bound: %s [PX-2]', (_, tolerance) => {
    const after = { ...BEFORE, total: 101, items: [{ id: 'a', price: 11 }, BEFORE.items[1]] };
    expect(jsonDifference(BEFORE, after, { tolerance }).score).toBe(1);
    expect(jsonDifference(BEFORE, after, { tolerances: { '$.items[*].price': tolerance } }).differences).toMatchObject([
      { path: '$.total' },
    ]);
  });

  test('leaves out what is ignored, also from the score', () => {
    const after = { ...BEFORE, total: 0, user: 'eve' };
    const { score, differences } = jsonDifference(BEFORE, after, { ignore: ['$.total', '$.items'] });
    expect(differences).toHaveLength(1);
    expect(score).toBe(0);
  });

  test('finds items of a list by their key, wherever they stand [PX-2]', () => {
    const after = {
      ...BEFORE,
      items: [
        { id: 'b', price: 21 },
        { id: 'c', price: 1 },
      ],
    };
    const { differences } = jsonDifference(BEFORE, after, { keys: { '$.items': 'id' } });
    expect(differences.map(({ path, kind }) => [path, kind])).toEqual([
      ['$.items[*]', 'missing'],
      ['$.items[*].price', 'changed'],
      ['$.items[*]', 'extra'],
    ]);
    expect(
      jsonDifference(BEFORE, { ...BEFORE, items: BEFORE.items.toReversed() }, { keys: { '$.items': 'id' } }).score,
    ).toBe(1);
  });

  test('compares items whose key is missing or not theirs alone as a bag', () => {
    const rules = { keys: { $: 'id' } };
    expect(
      jsonDifference([{ id: 1, a: 1 }, { id: 1, a: 2 }, 7], [7, { id: 1, a: 1 }, { id: 1, a: 2 }], rules).score,
    ).toBe(1);
    expect(jsonDifference([{ id: 1 }, { id: 1 }], [{ id: 1 }], rules).score).toBe(0.5);
  });

  test('weighs what is missing with all that is in it', () => {
    const big = { list: Array.from({ length: 99 }, (_, at) => at) };
    expect(jsonDifference({ small: 1, ...big }, { small: 1 }).score).toBeCloseTo(0.01);
    expect(jsonDifference({ small: 1 }, { small: 1, ...big }).score).toBeCloseTo(0.01);
  });

  test('is 1 beside itself, and from 0 to 1 beside anything else', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
        expect(jsonDifference(one, structuredClone(one)).score).toBe(1);
        const { score, differences } = jsonDifference(one, other);
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score === 1).toBe(differences.length === 0);
      }),
    );
  });

  test('refuses what is too large or too deep to be compared', () => {
    let deep: unknown = 1;
    for (let level = 0; level < 200; level += 1) deep = [deep];
    expect(() => jsonDifference(deep, structuredClone(deep))).toThrow(
      'Cannot compare states of more than 1000000 values',
    );
  });
});
