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
    ['a salt of the wrong length', (value) => ({ ...value, salt: 'abc' })],
    ['an exposure over everybody', (value) => ((value.risks.low.through = [100_001]), value)],
    ['a gate that does not exist', (value) => ((value.gates = {}), value)],
    ['a phase that does not exist', (value) => ((value.phases[1].needs = ['nope']), value)],
    ['no step', (value) => ((value.phases[0].steps = []), value)],
    ['one id twice', (value) => ((value.phases[0].steps[1].id = value.phases[0].steps[0].id), value)],
    ['a shell line for an argument list', (value) => ((value.phases[0].steps[1].command.argv = 'rm -rf /'), value)],
  ])('refuses %s and says where', (_what, change) => {
    const { plan: checked, problem } = validatePlan(change(plan()));
    expect(checked).toBeNull();
    expect(problem?.length).toBeGreaterThan(10);
  });
});
