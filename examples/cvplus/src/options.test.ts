import { expect, it } from 'vitest';
import { parseOptions } from './options.ts';

it('compresses an hour to a second and asks at a terminal unless told otherwise', () => {
  const usual = { json: false, pace: 3_600, pages: 150, interactive: true, keep: false };
  expect(parseOptions([], true)).toEqual({ kind: 'run', options: usual });
  expect(parseOptions([], false)).toEqual({ kind: 'run', options: { ...usual, interactive: false } });
  expect(parseOptions(['--json'], true)).toMatchObject({ options: { json: true, interactive: false } });
  expect(parseOptions(['--no-interactive'], true)).toMatchObject({ options: { interactive: false } });
  expect(parseOptions(['--interactive', '--json'], false)).toMatchObject({
    options: { interactive: true, json: true },
  });
  expect(parseOptions(['--pace', '1800', '--keep', '--pages=80'], true)).toMatchObject({
    options: { pace: 1_800, pages: 80, keep: true },
  });
});

it.each([['--pace', '0'], ['--pace', 'fast'], ['--pages', '-1'], ['--speed', '2'], ['now']])(
  'refuses %s %s',
  (...args) => {
    expect(parseOptions(args, true)).toMatchObject({ kind: 'wrong', problem: expect.stringContaining(args[0] ?? '') });
  },
);

it('offers help', () => {
  expect(parseOptions(['--help'], false)).toEqual({ kind: 'help' });
  expect(parseOptions(['-h'], false)).toEqual({ kind: 'help' });
});
