import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CompiledSegment, compileRules, compileSegment, NO_RULE } from './compiled-rules.ts';
import { compileConditions } from './condition-test.ts';
import type { AttributeCondition, EvaluationContext, SegmentRule } from './flag-document.ts';

const equals = (attribute: string, ...values: readonly (string | number)[]): AttributeCondition => ({
  attribute,
  operator: 'in',
  values,
});

/** Rules over segments of one condition each, named for their place; each gives an exposure of its own. */
function rulesOver(conditions: readonly AttributeCondition[]) {
  const segments = new Map<string, CompiledSegment>(
    conditions.map((condition, at) => [`${at}`, compileSegment({ key: `${at}`, conditions: [condition] })]),
  );
  const rules = conditions.map((_, at): SegmentRule => ({ segment: `${at}`, exposure: at }));
  return compileRules(rules, (key) => segments.get(key));
}

function firstMatch(tests: ReturnType<typeof compileRules>, context: EvaluationContext): number {
  return tests.map((ask) => ask(context)).find((found) => found !== NO_RULE) ?? NO_RULE;
}

describe('compileRules()', () => {
  test('makes one look-up of twenty rules on one attribute', () => {
    const tests = rulesOver(Array.from({ length: 20 }, (_, at) => equals('country', `land-${at}`)));
    expect(tests).toHaveLength(1);
    expect(firstMatch(tests, { country: 'land-19' })).toBe(19);
    expect(firstMatch(tests, { country: 'nowhere' })).toBe(NO_RULE);
    expect(firstMatch(tests, {})).toBe(NO_RULE);
  });

  test('lets the first of two rules for one value win', () => {
    expect(firstMatch(rulesOver([equals('a', 'x', 'y'), equals('a', 'y', 'z')]), { a: 'y' })).toBe(0);
  });

  test('asks rules on other attributes in their turn', () => {
    const tests = rulesOver([equals('a', 1), equals('b', 1), equals('a', 2), equals('a', 3)]);
    expect(tests).toHaveLength(3);
    expect(firstMatch(tests, { a: 3, b: 1 })).toBe(1);
  });

  test('copies no long list of members into the index of a flag', () => {
    const members = Array.from({ length: 100_000 }, (_, at) => `user-${at}`);
    const segment = compileSegment({ key: 'beta', conditions: [equals('userId', ...members)] });
    expect(segment.equality).toBeUndefined();
    expect(segment.matches({ userId: 'user-99999' })).toBe(true);
  });

  test('leaves out rules for segments that nobody defined', () => {
    expect(compileRules([{ segment: 'gone', exposure: 5 }], () => undefined)).toEqual([]);
  });

  test('answers as asking one rule after another does, whichever rules', () => {
    const value = fc.constantFrom('x', 'y', 1, 2);
    const attribute = fc.constantFrom('a', 'b', 'c.d');
    const condition = fc.oneof(
      { weight: 4, arbitrary: fc.record({ attribute, operator: fc.constant('in' as const), values: fc.array(value) }) },
      fc.record({ attribute, operator: fc.constant('present' as const) }),
    );
    const context = fc.record({ a: value, b: value, c: fc.record({ d: value }) }, { requiredKeys: [] });
    fc.assert(
      fc.property(fc.array(condition, { maxLength: 12 }), context, (conditions, subject) => {
        const expected = conditions.findIndex((each) => compileConditions([each])(subject));
        expect(firstMatch(rulesOver(conditions), subject)).toBe(expected);
      }),
      { seed: 16 },
    );
  });
});
