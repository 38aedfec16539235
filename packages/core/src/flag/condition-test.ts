import type { AttributeCondition, AttributeValue, EvaluationContext, VersionOperator } from './flag-document.ts';
import { compilePath, internedName, isPath } from './read-attribute.ts';
import { compareVersions } from './version-order.ts';

/** Whether a subject satisfies a condition. Throws only what the context's own getters throw. */
export type ContextTest = (context: EvaluationContext) => boolean;

/** From this many values on, a set is faster than looking at each. */
const SET_FROM = 9;

const ISO_INSTANT = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;

/**
 * Compiles a segment: every condition must match. A missing attribute, one of another type, or an operator that this
 * version does not know never matches; only `absent` asks for an attribute that is missing or null. A segment
 * without conditions holds everybody.
 */
export function compileConditions(conditions: readonly AttributeCondition[]): ContextTest {
  const tests = conditions.map(compileCondition);
  const [first, second] = tests;
  if (first === undefined) return () => true;
  if (second === undefined) return first;
  if (tests.length === 2) return (context) => first(context) && second(context);
  return (context) => {
    for (let at = 0; at < tests.length; at += 1) {
      if (!(tests[at] as ContextTest)(context)) return false;
    }
    return true;
  };
}

/** Compiles one condition. */
export function compileCondition(condition: AttributeCondition): ContextTest {
  const test = compileValueTest(condition);
  if (isPath(condition.attribute)) {
    const read = compilePath(condition.attribute);
    return (context) => test(read(context));
  }
  const attribute = internedName(condition.attribute);
  const only = onlyValue(condition);
  // Written out, as most segments are of this kind: a call less.
  if (only !== undefined) return (context) => context[attribute] === only;
  return (context) => test(context[attribute]);
}

/** Whether the value of an attribute satisfies a condition; undefined where the attribute is absent. */
type ValueTest = (value: unknown) => boolean;

function compileValueTest(condition: AttributeCondition): ValueTest {
  switch (condition.operator) {
    case 'in':
      return compileIn(condition.values);
    case 'notIn': {
      const isIn = compileIn(condition.values);
      return (value) => isComparable(value) && !isIn(value);
    }
    case 'startsWith':
    case 'endsWith':
      return compileAffix(condition.operator, condition.values);
    case 'atLeast':
    case 'atMost':
    case 'above':
    case 'below':
      return compileBound(condition.operator, condition.value);
    case 'after':
    case 'before':
      return compileInstant(condition.operator, condition.value);
    case 'versionIs':
    case 'versionAtLeast':
    case 'versionAtMost':
    case 'versionAbove':
    case 'versionBelow':
      return compileVersion(condition.operator, condition.value);
    case 'present':
      return isPresent;
    case 'absent':
      return (value) => !isPresent(value);
    default:
      // A newer server may know more operators; an older evaluator must still serve its rollbacks.
      return unknownOperator(condition);
  }
}

function onlyValue(condition: AttributeCondition): AttributeValue | undefined {
  return condition.operator === 'in' && condition.values.length === 1 ? condition.values[0] : undefined;
}

function compileIn(values: readonly AttributeValue[]): ValueTest {
  if (values.length < SET_FROM) {
    // `indexOf` compares with ===, so NaN and undefined match nothing.
    return (value) => (values as readonly unknown[]).indexOf(value) !== -1;
  }
  const set = new Set<unknown>(values);
  return (value) => set.has(value);
}

function compileAffix(operator: 'startsWith' | 'endsWith', affixes: readonly string[]): ValueTest {
  return operator === 'startsWith'
    ? (value) => typeof value === 'string' && affixes.some((affix) => value.startsWith(affix))
    : (value) => typeof value === 'string' && affixes.some((affix) => value.endsWith(affix));
}

function compileBound(operator: 'atLeast' | 'atMost' | 'above' | 'below', bound: number): ValueTest {
  const matches = boundTest(operator, bound);
  return (value) => typeof value === 'number' && Number.isFinite(value) && matches(value);
}

function boundTest(operator: 'atLeast' | 'atMost' | 'above' | 'below', bound: number): (value: number) => boolean {
  switch (operator) {
    case 'atLeast':
      return (value) => value >= bound;
    case 'atMost':
      return (value) => value <= bound;
    case 'above':
      return (value) => value > bound;
    case 'below':
      return (value) => value < bound;
  }
}

function compileInstant(operator: 'after' | 'before', bound: string): ValueTest {
  const boundMs = instantMs(bound);
  // Every comparison with NaN is false: what is no instant never matches.
  return operator === 'after' ? (value) => instantMs(value) > boundMs : (value) => instantMs(value) < boundMs;
}

function compileVersion(operator: VersionOperator, bound: string): ValueTest {
  const matches = versionTest(operator);
  return (value) => typeof value === 'string' && matches(compareVersions(value, bound));
}

/** What the order of a version and the bound must be; the order of what is no version is NaN and never right. */
function versionTest(operator: VersionOperator): (order: number) => boolean {
  switch (operator) {
    case 'versionIs':
      return (order) => order === 0;
    case 'versionAtLeast':
      return (order) => order >= 0;
    case 'versionAtMost':
      return (order) => order <= 0;
    case 'versionAbove':
      return (order) => order > 0;
    case 'versionBelow':
      return (order) => order < 0;
  }
}

/**
 * Milliseconds since 1970 of an ISO 8601 date (midnight UTC) or date-time with its offset, or of a `Date`; NaN otherwise.
 * A time without offset is refused, because it would mean another instant on another machine, and so is a bare number,
 * which may be seconds or milliseconds.
 */
function instantMs(value: unknown): number {
  if (typeof value === 'string') return ISO_INSTANT.test(value) ? Date.parse(value) : Number.NaN;
  return value instanceof Date ? value.getTime() : Number.NaN;
}

/** Whether a text is a date or date-time that evaluators can read. */
export function isInstantText(text: string): boolean {
  return !Number.isNaN(instantMs(text));
}

function isComparable(value: unknown): value is AttributeValue {
  return (
    typeof value === 'string' || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))
  );
}

/** Any value but null that somebody can have meant; every JavaScript object has methods, which nobody has. */
function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null && typeof value !== 'function' && value !== Object.prototype;
}

function unknownOperator(_condition: never): ValueTest {
  return () => false;
}
