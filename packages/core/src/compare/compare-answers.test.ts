import { describe, expect, test } from 'vitest';
import { compareAnswers } from './compare-answers.ts';
import { type CompareOptions, compileCompareRules } from './compare-rules.ts';

function found(legacy: unknown, candidate: unknown, options: CompareOptions = {}): string[] | string {
  const comparison = compareAnswers(legacy, candidate, compileCompareRules(options));
  if (comparison.kind !== 'different') return comparison.kind;
  return comparison.differences.map(({ kind, path }) => `${kind} ${path}`);
}

const cyclic: Record<string, unknown> = { name: 'ring' };
cyclic['self'] = cyclic;
const alsoCyclic: Record<string, unknown> = { name: 'ring' };
alsoCyclic['self'] = alsoCyclic;

describe('compareAnswers() [CV-14]', () => {
  test.each<[string, unknown, unknown]>([
    ['numbers', 1, 1],
    ['no numbers', Number.NaN, Number.NaN],
    ['both zeros', 0, -0],
    ['nothing', undefined, undefined],
    ['fields in another order', { a: 1, b: [1, { c: 2 }] }, { b: [1, { c: 2 }], a: 1 }],
    ['a field that is undefined', { a: 1, b: undefined }, { a: 1 }],
    ['dates', new Date(5), new Date(5)],
    ['dates of no moment', new Date(Number.NaN), new Date(Number.NaN)],
    ['bytes of other kinds of view', new Uint8Array([1, 2]), Buffer.from([1, 2])],
    ['maps', new Map([['a', { n: 1 }]]), new Map([['a', { n: 1 }]])],
    ['sets in another order', new Set([1, { n: 2 }]), new Set([{ n: 2 }, 1])],
    ['a field that every object inherits', { constructor: 'x' }, { constructor: 'x' }],
  ])('finds %s equal', (_what, legacy, candidate) => {
    expect(found(legacy, candidate)).toBe('equal');
  });

  test.each<[unknown, unknown, string[]]>([
    [1, 2, ['changed $']],
    [1, '1', ['type $']],
    [null, undefined, ['missing $']],
    [undefined, null, ['extra $']],
    [null, {}, ['type $']],
    [{}, [], ['type $']],
    [{ a: 1 }, {}, ['missing $.a']],
    [{}, { a: 1 }, ['extra $.a']],
    [{}, { constructor: 1 }, ['extra $.constructor']],
    [{ a: { b: [{ c: 1 }] } }, { a: { b: [{ c: 2 }] } }, ['changed $.a.b[*].c']],
    [[1, 2, 3], [1, 2], ['missing $[*]']],
    [[1], [1, 2], ['extra $[*]']],
    [[undefined], [], ['changed $']],
    // Once an answer, however many items show it.
    [[{ n: 1 }, { n: 2 }], [{ n: 9 }, { n: 8 }], ['changed $[*].n']],
    [new Date(1), new Date(2), ['changed $']],
    [new Date(1), '1970-01-01', ['type $']],
    [new Uint8Array([1]), new Uint8Array([2]), ['changed $']],
    [new Set([1]), new Set([2]), ['missing $[*]', 'extra $[*]']],
    [new Map([['a', 1]]), new Map([['a', 2]]), ['changed $.a']],
    [{ a: Number.POSITIVE_INFINITY }, { a: 1e308 }, ['changed $.a']],
  ])('tells how %j differs from %j', (legacy, candidate, expected) => {
    expect(found(legacy, candidate)).toEqual(expected);
  });

  test.each<[string, CompareOptions, unknown, unknown, string[] | string]>([
    [
      'what is ignored',
      { ignore: ['$.at', '$.list[*].id'] },
      { at: 1, list: [{ id: 1 }] },
      { at: 2, list: [{ id: 2 }] },
      'equal',
    ],
    [
      'all but what is ignored',
      { ignore: ['$.at'] },
      { at: 1, n: { at: 1 } },
      { at: 2, n: { at: 2 } },
      ['changed $.n.at'],
    ],
    ['any field', { ignore: ['$.*.at'] }, { a: { at: 1 } }, { a: { at: 2 } }, 'equal'],
    ['a tolerance', { tolerance: { absolute: 0.01 } }, { n: 1 }, { n: 1.009 }, 'equal'],
    ['beyond a tolerance', { tolerance: { absolute: 0.01 } }, { n: 1 }, { n: 1.02 }, ['changed $.n']],
    ['a relative tolerance', { tolerance: { relative: 0.1 } }, [1000, -10], [1090, -9.1], 'equal'],
    ['an infinity', { tolerance: { relative: 1 } }, Number.POSITIVE_INFINITY, 1, ['changed $']],
    [
      'one path’s tolerance',
      { tolerances: { '$.m': { absolute: 1 } } },
      { n: 1, m: { x: 1 } },
      { n: 2, m: { x: 2 } },
      ['changed $.n'],
    ],
    ['lists of no order', { unordered: true }, [1, { a: [2, 3] }], [{ a: [3, 2] }, 1], 'equal'],
    [
      'lists of no order, item by item',
      { unordered: ['$.tags'] },
      { tags: [1, 1] },
      { tags: [1, 2] },
      ['missing $.tags[*]', 'extra $.tags[*]'],
    ],
    [
      'another list, in its order',
      { unordered: ['$.tags'] },
      { list: [1, 2] },
      { list: [2, 1] },
      ['changed $.list[*]'],
    ],
  ])('heeds %s', (_what, options, legacy, candidate, expected) => {
    expect(found(legacy, candidate, options)).toEqual(expected);
  });

  test('folds keys that look like data', () => {
    const legacy = { byUser: { 'ada@acme.example': 1, user12345: 1, address2: 1, 'ä b': 1 } };
    expect(found(legacy, { byUser: {} })).toEqual(['missing $.byUser.*', 'missing $.byUser.address2']);
  });

  test.each<[string, unknown, unknown]>([
    ['circles', cyclic, alsoCyclic],
    [
      'very many values',
      Array(30_000)
        .fill({})
        .map(() => ({})),
      Array(30_000)
        .fill({})
        .map(() => ({})),
    ],
    [
      'very many values of no order',
      new Set(Array.from({ length: 500 }, (_, n) => ({ n }))),
      new Set(Array.from({ length: 500 }, (_, n) => ({ n: 499 - n }))),
    ],
  ])('says of %s that they are too large to be compared', (_what, legacy, candidate) => {
    expect(found(legacy, candidate)).toBe('too-large');
  });

  test.each(['a', '$a', '$.', '$[0]', '$.a[1]', ''])('refuses the path %j', (path) => {
    expect(() => compileCompareRules({ ignore: [path] })).toThrow(/paths look like \$\.items/);
  });

  test('refuses a tolerance below 0', () => {
    expect(() => compileCompareRules({ tolerance: { absolute: -1 } })).toThrow(/must be from 0/);
    expect(() => compileCompareRules({ tolerances: { '$.a': { relative: Number.NaN } } })).toThrow(/\$\.a/);
  });
});
