import { describe, expect, test } from 'vitest';
import { compileCondition, compileConditions } from './condition-test.ts';
import type { AttributeCondition, EvaluationContext } from './flag-document.ts';

const MANY = Array.from({ length: 1000 }, (_, n) => `org-${n}`);

describe('compileCondition()', () => {
  const cases: [AttributeCondition, unknown, boolean][] = [
    [{ attribute: 'a', operator: 'in', values: ['x'] }, 'x', true],
    [{ attribute: 'a', operator: 'in', values: ['x'] }, 'y', false],
    [{ attribute: 'a', operator: 'in', values: [] }, undefined, false],
    [{ attribute: 'a', operator: 'in', values: ['x', 2, true] }, 2, true],
    [{ attribute: 'a', operator: 'in', values: ['x', 2, true] }, '2', false],
    [{ attribute: 'a', operator: 'in', values: ['x', 2, true] }, true, true],
    [{ attribute: 'a', operator: 'in', values: MANY }, 'org-999', true],
    [{ attribute: 'a', operator: 'in', values: MANY }, 'org-1000', false],
    [{ attribute: 'a', operator: 'notIn', values: ['x'] }, 'y', true],
    [{ attribute: 'a', operator: 'notIn', values: ['x'] }, 'x', false],
    [{ attribute: 'a', operator: 'notIn', values: MANY }, 'org-5', false],
    [{ attribute: 'a', operator: 'startsWith', values: ['eu-', 'us-'] }, 'us-east', true],
    [{ attribute: 'a', operator: 'startsWith', values: ['eu-'] }, 'us-eu-', false],
    [{ attribute: 'a', operator: 'endsWith', values: ['@example.com'] }, 'a@example.com', true],
    [{ attribute: 'a', operator: 'endsWith', values: ['@example.com'] }, 'a@example.org', false],
    [{ attribute: 'a', operator: 'atLeast', value: 3 }, 3, true],
    [{ attribute: 'a', operator: 'atLeast', value: 3 }, 2.9, false],
    [{ attribute: 'a', operator: 'atMost', value: 3 }, 3, true],
    [{ attribute: 'a', operator: 'atMost', value: 3 }, 3.1, false],
    [{ attribute: 'a', operator: 'above', value: 3 }, 3, false],
    [{ attribute: 'a', operator: 'above', value: 3 }, 4, true],
    [{ attribute: 'a', operator: 'below', value: 3 }, 3, false],
    [{ attribute: 'a', operator: 'below', value: 3 }, -4, true],
    [{ attribute: 'a', operator: 'after', value: '2026-01-02' }, '2026-01-02T00:00:01Z', true],
    [{ attribute: 'a', operator: 'after', value: '2026-01-02' }, '2026-01-02', false],
    [{ attribute: 'a', operator: 'after', value: '2026-01-02T00:00:00+02:00' }, '2026-01-01T22:30Z', true],
    [{ attribute: 'a', operator: 'before', value: '2026-01-02' }, new Date('2026-01-01'), true],
    [{ attribute: 'a', operator: 'before', value: '2026-01-02' }, '2026-01-01T10:00', false],
    [{ attribute: 'a', operator: 'before', value: '2026-01-02' }, 5, false],
    [{ attribute: 'a', operator: 'before', value: 'soon' }, '2026-01-01', false],
    [{ attribute: 'a', operator: 'versionAtLeast', value: '2.3.0' }, '2.3.0', true],
    [{ attribute: 'a', operator: 'versionAtLeast', value: '2.3.0' }, '2.10.0', true],
    [{ attribute: 'a', operator: 'versionAtLeast', value: '2.3.0' }, '2.3.0-rc.1', false],
    [{ attribute: 'a', operator: 'versionAtLeast', value: '2.3.0' }, '2.4', false],
    [{ attribute: 'a', operator: 'versionAtLeast', value: 'soon' }, '2.4.0', false],
    [{ attribute: 'a', operator: 'versionAtMost', value: '2.3.0' }, '2.3.0+build.5', true],
    [{ attribute: 'a', operator: 'versionAbove', value: '2.3.0' }, '2.3.1-alpha', true],
    [{ attribute: 'a', operator: 'versionAbove', value: '2.3.0' }, '2.3.0', false],
    [{ attribute: 'a', operator: 'versionBelow', value: '2.3.0' }, '2.3.0-rc.1', true],
    [{ attribute: 'a', operator: 'versionBelow', value: '2.3.0' }, 2, false],
    [{ attribute: 'a', operator: 'versionIs', value: '2.3.0' }, '2.3.0', true],
    [{ attribute: 'a', operator: 'versionIs', value: '2.3.0' }, 'v2.3.0', false],
  ];

  test.each(cases)('%j of %j is %s', (condition, value, expected) => {
    expect(compileCondition(condition)({ a: value })).toBe(expected);
  });

  const everyOperator = cases.filter(([, , matches]) => matches).map(([condition]) => condition);
  const odd = [
    undefined,
    null,
    {},
    [],
    ['x'],
    Number.NaN,
    Number.POSITIVE_INFINITY,
    () => 'x',
    Symbol('x'),
    1n,
    new Date('never'),
  ];

  test.each(everyOperator)('%j never matches a missing or odd attribute, and never throws', (condition) => {
    expect(compileCondition(condition)({})).toBe(false);
    for (const value of odd) expect(compileCondition(condition)({ a: value })).toBe(false);
  });

  test.each([0, '', false, 'x', {}, []])('finds %j present and not absent', (value) => {
    expect(compileCondition({ attribute: 'a', operator: 'present' })({ a: value })).toBe(true);
    expect(compileCondition({ attribute: 'a', operator: 'absent' })({ a: value })).toBe(false);
  });

  test.each([{}, { a: null }, { a: undefined }])('finds nothing present in %j', (context) => {
    expect(compileCondition({ attribute: 'a', operator: 'present' })(context)).toBe(false);
    expect(compileCondition({ attribute: 'a', operator: 'absent' })(context)).toBe(true);
  });

  const onPlan: AttributeCondition = { attribute: 'account.plan.name', operator: 'in', values: ['pro'] };
  test.each<[EvaluationContext, boolean]>([
    [{ account: { plan: { name: 'pro' } } }, true],
    [{ account: { plan: { name: 'free' } } }, false],
    [{ account: { plan: 'pro' } }, false],
    [{ account: null }, false],
    [{ 'account.plan.name': 'pro' }, true],
    // What was given under the whole name goes before what lies within.
    [{ 'account.plan.name': 'free', account: { plan: { name: 'pro' } } }, false],
  ])('looks into attributes of attributes: %j is %s', (context, expected) => {
    expect(compileCondition(onPlan)(context)).toBe(expected);
  });

  test.each(['account.length', 'account.constructor.name', '__proto__.constructor.name'])(
    'finds no %s within an attribute where nobody gave it',
    (attribute) => {
      expect(compileCondition({ attribute, operator: 'present' })({ account: {} })).toBe(false);
      expect(compileCondition({ attribute, operator: 'absent' })({ account: 'text' })).toBe(true);
    },
  );

  test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    'finds no attribute %s that nobody gave',
    (attribute) => {
      expect(compileCondition({ attribute, operator: 'notIn', values: ['x'] })({})).toBe(false);
      expect(compileCondition({ attribute, operator: 'present' })({})).toBe(false);
      expect(compileCondition({ attribute, operator: 'absent' })({})).toBe(true);
      const given: EvaluationContext = JSON.parse(`{"${attribute}": "y"}`);
      expect(compileCondition({ attribute, operator: 'in', values: ['y'] })(given)).toBe(true);
    },
  );

  test('lets an operator of a newer server match nobody', () => {
    const newer = JSON.parse('{"attribute":"a","operator":"matches","value":"^1"}') as AttributeCondition;
    expect(compileCondition(newer)({ a: '1' })).toBe(false);
  });
});

describe('compileConditions()', () => {
  const conditions: AttributeCondition[] = [
    { attribute: 'country', operator: 'in', values: ['DE'] },
    { attribute: 'age', operator: 'atLeast', value: 18 },
    { attribute: 'mail', operator: 'endsWith', values: ['.de'] },
  ];
  const matching = { country: 'DE', age: 20, mail: 'a@b.de' };

  test.each([0, 1, 2, 3])('asks for each of %i conditions', (count) => {
    const test = compileConditions(conditions.slice(0, count));
    expect(test(matching)).toBe(true);
    for (const { attribute } of conditions.slice(0, count)) {
      expect(test({ ...matching, [attribute]: undefined })).toBe(false);
    }
  });
});
