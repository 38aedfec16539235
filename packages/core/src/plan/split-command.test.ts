import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitCommand } from './split-command.ts';

describe('splitCommand()', () => {
  it.each([
    ['node save.mjs', ['node', 'save.mjs']],
    ['  a   b ', ['a', 'b']],
    [`say "two words" 'and more'`, ['say', 'two words', 'and more']],
    ['say "a \\"quoted\\" word"', ['say', 'a "quoted" word']],
    ['say a\\ b', ['say', 'a b']],
    ["say '' x", ['say', '', 'x']],
    ['restore ${{ backup id }}', ['restore', '${{ backup id }}']],
    ["say '$HOME' a~b", ['say', '$HOME', 'a~b']],
    ['say "a|b;c"', ['say', 'a|b;c']],
  ])('splits %s', (line, argv) => expect(splitCommand(line)).toEqual({ kind: 'argv', argv }));

  it.each([
    'a | b',
    'a && b',
    'a; b',
    'a > file',
    'a < file',
    'a $(b)',
    'a `b`',
    'a $HOME',
    'a --to=${HOME}/b',
    'ls *.ts',
    'ls ~/b',
    'say "open',
    '',
    '   ',
  ])('refuses %j, since there is no shell', (line) => expect(splitCommand(line).kind).toBe('problem'));

  it('keeps any argument that is quoted as it is', () => {
    fc.assert(
      fc.property(
        fc.string().filter((text) => !text.includes("'")),
        (text) => {
          expect(splitCommand(`say '${text}'`)).toEqual({ kind: 'argv', argv: ['say', text] });
        },
      ),
    );
  });
});
