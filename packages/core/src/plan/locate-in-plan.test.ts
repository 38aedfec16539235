import { describe, expect, it } from 'vitest';
import { locateInPlan } from './locate-in-plan.ts';

const TEXT = `plan: one
gates:
  standard:
    rules:
      - errors > 5%: hold
phases:
  - phase: first
    steps: &steps
      - check: { run: x }
      - ramp: cache
  - phase: second
    steps: *steps
`;

describe('locateInPlan()', () => {
  const locate = locateInPlan(TEXT);

  it.each([
    [['phases', 0, 'steps', 1], 10],
    [['phases', 0, 'steps', 1, 'ramp'], 10],
    [['gates', 'standard'], 3],
    [['gates', 'standard', 'rules', 0], 5],
  ])('finds %j in its line', (path, line) => expect(locate(path)?.line).toBe(line));

  it.each([
    ['a key that is not there', ['phases', 0, 'steps', 1, 'undo'], 10],
    ['a step behind an alias', ['phases', 1, 'steps', 0], 12],
    ['a step that is not there', ['phases', 7, 'steps', 0], 6],
  ])('takes the nearest parent of %s', (_what, path, line) => expect(locate(path)?.line).toBe(line));

  it('knows no place of nothing', () => expect([locate([]), locate(['nowhere'])]).toEqual([null, null]));
});
