import { describe, expect, it } from 'vitest';
import { parseCsv } from './parse-csv.ts';

describe('parseCsv()', () => {
  it.each<[string, readonly (readonly string[])[]]>([
    ['', []],
    [
      'a,b\n1,2\n',
      [
        ['a', 'b'],
        ['1', '2'],
      ],
    ],
    [
      'a,b\r\n1,2',
      [
        ['a', 'b'],
        ['1', '2'],
      ],
    ],
    ['\uFEFFa\n1', [['a'], ['1']]],
    ['a\n\n\n1', [['a'], ['1']]],
    [
      'a,\n,1\n',
      [
        ['a', ''],
        ['', '1'],
      ],
    ],
    ['"a,b","c ""d""\ne"\n', [['a,b', 'c "d"\ne']]],
    ['a,""', [['a', '']]],
  ])('reads %j', (text, rows) => {
    expect(parseCsv(text, 'users.csv')).toEqual(rows);
  });

  it('tells the line of a quote that is not closed', () => {
    expect(() => parseCsv('a\n"b', 'users.csv')).toThrow('users.csv:2 opens a quote that is never closed');
  });
});
