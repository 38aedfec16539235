import { describe, expect, it } from 'vitest';
import { readOptions } from './read-options.ts';

describe('the options of npm run sim', () => {
  it('are numbers with defaults', () => {
    expect(readOptions(['--seed', '7'])).toMatchObject({ seed: 7, runs: 1_000, jobs: 2, chosen: { bug: null } });
  });

  it.each([
    ['an option there is not', ['--nope'], "Unknown option '--nope'"],
    ['a number that is none', ['--runs', 'abc'], "--runs 'abc' is not a whole number from 1 on"],
    ['no run at all', ['--runs', '0'], "--runs '0'"],
    ['no thread at all', ['--jobs', '0'], "--jobs '0'"],
    ['an empty seed', ['--replay', ''], "--replay ''"],
    ['a bug there is not', ['--bug', 'nope'], "There is no bug 'nope'"],
  ])('do not allow %s', (_what, args, text) => {
    expect(() => readOptions(args)).toThrow(text);
  });
});
