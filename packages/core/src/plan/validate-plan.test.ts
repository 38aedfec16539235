import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parsePlan } from './parse-plan.ts';
import { validatePlan } from './validate-plan.ts';

const text = readFileSync(new URL('../../test-support/example-plan.yaml', import.meta.url), 'utf8');
const plan = () => JSON.parse(JSON.stringify(parsePlan(text, { file: 'plan.yaml' }).plan));

describe('validatePlan()', () => {
  it('takes what parsePlan() gives', () => expect(validatePlan(plan())).toEqual({ plan: plan(), problem: null }));

  it.each<[string, (value: ReturnType<typeof plan>) => unknown]>([
    ['nothing', () => null],
    ['text', () => 'plan'],
    ['an unknown key', (value) => ({ ...value, extra: 1 })],
    ['an environment that is no name', (value) => ({ ...value, environment: 'Staging!' })],
    ['no environment', ({ environment: _none, ...value }) => value],
    ['content without its hash', (value) => ({ ...value, contentHash: '' })],
    ['an environment that comes after itself', (value) => ({ ...value, after: value.environment })],
    ['a salt of the wrong length', (value) => ({ ...value, salt: 'abc' })],
    ['an exposure over everybody', (value) => set(value, ['risks', 'low', 'through'], [100_001])],
    ['a gate that does not exist', (value) => ({ ...value, gates: {} })],
    ['a phase that does not exist', (value) => set(value, ['phases', 1, 'needs'], ['nope'])],
    ['no step', (value) => set(value, ['phases', 0, 'steps'], [])],
    ['one id twice', (value) => set(value, ['phases', 0, 'steps', 1, 'id'], value.phases[0].steps[0].id)],
    [
      'a shell line for an argument list',
      (value) => set(value, ['phases', 0, 'steps', 1, 'command', 'argv'], 'rm -rf /'),
    ],
  ])('refuses %s and says where', (_what, change) => {
    const { plan: checked, problem } = validatePlan(change(plan()));
    expect(checked).toBeNull();
    expect(problem?.length).toBeGreaterThan(10);
  });
});

/** The same value with something else at one place. */
function set(value: unknown, path: readonly (string | number)[], to: unknown): unknown {
  const [first, ...rest] = path;
  if (first === undefined) return to;
  if (Array.isArray(value)) return value.map((item, index) => (index === first ? set(item, rest, to) : item));
  const map = value as Record<string, unknown>;
  return { ...map, [first]: set(map[first], rest, to) };
}
