import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findCycles } from './find-cycle.ts';

const cyclesOf = (edges: Record<string, string[]>) => findCycles(new Map(Object.entries(edges)));

describe('findCycles()', () => {
  it.each<[string, Record<string, string[]>, string[][]]>([
    ['a line', { a: ['b'], b: ['c'], c: [] }, []],
    ['a diamond', { a: ['b', 'c'], b: ['d'], c: ['d'], d: [] }, []],
    ['itself', { a: ['a'] }, [['a', 'a']]],
    ['a pair', { a: ['b'], b: ['a'] }, [['a', 'b', 'a']]],
    ['a circle behind a line', { a: ['b'], b: ['c'], c: ['b'] }, [['b', 'c', 'b']]],
    [
      'two circles',
      { a: ['a'], b: ['c'], c: ['b'] },
      [
        ['a', 'a'],
        ['b', 'c', 'b'],
      ],
    ],
    ['unknown names', { a: ['nowhere'] }, []],
  ])('of %s', (_what, edges, cycles) => expect(cyclesOf(edges)).toEqual(cycles));

  it('takes no stack for a long chain', () => {
    const names = Array.from({ length: 50_000 }, (_, index) => String(index));
    const chain = new Map(names.map((name, index) => [name, [names[index + 1] ?? '0']] as const));
    expect(findCycles(chain)[0]).toHaveLength(50_001);
  });

  it('finds none where every edge goes forward', () => {
    const pairs = fc.array(fc.tuple(fc.nat(20), fc.nat(20)));
    fc.assert(
      fc.property(pairs, (edges) => {
        const forward = new Map<string, string[]>(Array.from({ length: 22 }, (_, index) => [String(index), []]));
        for (const [from, to] of edges) forward.get(String(Math.min(from, to)))?.push(String(Math.max(from, to) + 1));
        expect(findCycles(forward)).toEqual([]);
      }),
    );
  });
});
