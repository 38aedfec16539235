import { describe, expect, it } from 'vitest';
import { patternProblem } from './capture-pattern.ts';

describe('patternProblem()', () => {
  it.each(['saved as (\\S+)', '(?<id>\\d+)', '(\\S+)\\\\1', '[\\\\1](a)', '[(?=](a)', '(a|b){1,1000}'])(
    'accepts %s',
    (pattern) => expect(patternProblem(pattern)).toBeNull(),
  );

  it.each([
    ['saved', 'no group'],
    ['(?:saved)', 'no group'],
    ['(a', 'not a regular expression'],
    ['(a)(?=b)', 'look-around'],
    ['(a)(?!b)', 'look-around'],
    ['(?<=a)(b)', 'look-around'],
    ['(?<!a)(b)', 'look-around'],
    ['(a)\\1', 'back-references'],
    ['(?<id>a)\\k<id>', 'back-references'],
    ['(a){1001}', '1000 times'],
    ['(a){2,5000}', '1000 times'],
    [`(${'a'.repeat(1_000)})`, 'longer'],
  ])('refuses %s: %s', (pattern, reason) => expect(patternProblem(pattern)).toContain(reason));
});
