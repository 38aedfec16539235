import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Row, rowCounts, tableChecksum } from './table-checksum.ts';

const ROWS: readonly Row[] = [
  { id: 1, name: 'Ada', at: new Date(0), key: new Uint8Array([1, 2]) },
  { id: 2, name: null, tags: ['a', 'b'], more: { deep: true } },
];

async function* streamed(rows: readonly Row[]): AsyncGenerator<Row> {
  yield* rows;
}

async function checksumOf(...rows: readonly Row[]): Promise<string> {
  return (await tableChecksum(rows)).checksum;
}

describe('tableChecksum()', () => {
  test('is the same for the same rows in any order, and for a stream of them [PX-2]', async () => {
    const forwards = await tableChecksum(streamed(ROWS));
    expect(forwards.rows).toBe(2);
    expect(forwards.checksum).toMatch(/^[\da-f]{64}$/);
    expect(await tableChecksum(ROWS.toReversed())).toEqual(forwards);
    expect(await checksumOf({ name: 'Ada', id: 1 })).toBe(await checksumOf({ id: 1, name: 'Ada' }));
  });

  test('keeps its value over releases: saved checksums are compared with later ones', async () => {
    expect(await checksumOf({ id: 1, name: 'Ada' })).toMatchInlineSnapshot(
      `"f292a661c632fea7c38b5f6cd1e5bc10a0407d2354dfc1a6feeadfb88f33ac5a"`,
    );
    expect(await tableChecksum([])).toEqual({ rows: 0, checksum: '0'.repeat(64) });
  });

  test.each<[string, readonly Row[], readonly Row[]]>([
    ['a number and its digits', [{ a: 1 }], [{ a: '1' }]],
    ['a number and a bigint', [{ a: 1 }], [{ a: 1n }]],
    ['null and absent', [{ a: null }], [{}]],
    ['null and its name', [{ a: null }], [{ a: 'null' }]],
    ['a row once and twice', [{ a: 1 }], [{ a: 1 }, { a: 1 }]],
    ['a pair of rows twice and another pair twice', [{ a: 1 }, { a: 1 }], [{ a: 2 }, { a: 2 }]],
    ['text moved to the next column', [{ a: 'xy', b: '' }], [{ a: 'x', b: 'y' }]],
    ['columns that look like text', [{ a: 's1:b' }], [{ a: '', b: 's1:b' }]],
    [
      'values that changed rows',
      [
        { a: 1, b: 1 },
        { a: 2, b: 2 },
      ],
      [
        { a: 1, b: 2 },
        { a: 2, b: 1 },
      ],
    ],
    ['lists in another order', [{ a: [1, 2] }], [{ a: [2, 1] }]],
    ['lists split otherwise', [{ a: [[1], 2] }], [{ a: [[1, 2]] }]],
    ['bytes and their text', [{ a: new Uint8Array([97]) }], [{ a: 'a' }]],
  ])('tells apart %s', async (_, one, other) => {
    expect(await checksumOf(...one)).not.toBe(await checksumOf(...other));
  });

  test('tells apart any two values of JSON', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), fc.jsonValue(), async (one, other) => {
        const areSame = JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));
        expect((await checksumOf({ a: one })) === (await checksumOf({ a: other }))).toBe(areSame);
      }),
    );
  });

  test('counts the columns that are asked for', async () => {
    const { checksum } = await tableChecksum([{ id: 1, at: 5 }], { columns: ['id'] });
    expect(checksum).toBe(await checksumOf({ id: 1 }));
  });

  test.each([[() => 1], [Symbol('x')], [Number.NaN]])('refuses %o, and names the column', async (value) => {
    await expect(tableChecksum([{ odd: value }])).rejects.toThrow("Cannot take the checksum of column 'odd'");
  });
});

describe('rowCounts()', () => {
  test('names the tables that differ, and those that are missing [PX-2]', () => {
    expect(rowCounts({ users: 3, orders: 9, old: 1 }, { users: 3, orders: 8, constructor: 2 })).toEqual([
      { table: 'constructor', before: undefined, after: 2 },
      { table: 'old', before: 1, after: undefined },
      { table: 'orders', before: 9, after: 8 },
    ]);
  });
});

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? 0 : value;
  const pairs = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return pairs.map(([key, inner]) => [key, sorted(inner), 'of an object']);
}
