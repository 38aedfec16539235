import type { AttributeCondition, AttributeValue, EvaluationContext } from './flag-document.ts';

/** Whether a subject satisfies a condition. Throws only what the context's own getters throw. */
export type ContextTest = (context: EvaluationContext) => boolean;

/** From this many values on, a set is faster than looking at each. */
const SET_FROM = 9;

const ISO_INSTANT = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;

/**
 * Compiles a segment: every condition must match. A missing attribute, one of another type, or an operator that this
 * version does not know never matches. A segment without conditions holds everybody.
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
  const attribute = internedName(condition.attribute);
  switch (condition.operator) {
    case 'in':
      return compileIn(attribute, condition.values);
    case 'notIn': {
      const isIn = compileIn(attribute, condition.values);
      return (context) => isComparable(context[attribute]) && !isIn(context);
    }
    case 'startsWith':
    case 'endsWith':
      return compileAffix(attribute, condition.operator, condition.values);
    case 'atLeast':
    case 'atMost':
    case 'above':
    case 'below':
      return compileBound(attribute, condition.operator, condition.value);
    case 'after':
    case 'before':
      return compileInstant(attribute, condition.operator, condition.value);
    default:
      // A newer server may know more operators; an older evaluator must still serve its rollbacks.
      return unknownOperator(condition);
  }
}

function compileIn(attribute: string, values: readonly AttributeValue[]): ContextTest {
  if (values.length === 1) {
    const only = values[0];
    return (context) => context[attribute] === only;
  }
  if (values.length < SET_FROM) {
    // `indexOf` compares with ===, so NaN and undefined match nothing.
    return (context) => (values as readonly unknown[]).indexOf(context[attribute]) !== -1;
  }
  const set = new Set<unknown>(values);
  return (context) => set.has(context[attribute]);
}

function compileAffix(attribute: string, operator: 'startsWith' | 'endsWith', values: readonly string[]): ContextTest {
  const matches: (value: string) => boolean =
    operator === 'startsWith'
      ? (value) => values.some((affix) => value.startsWith(affix))
      : (value) => values.some((affix) => value.endsWith(affix));
  return (context) => {
    const value = context[attribute];
    return typeof value === 'string' && matches(value);
  };
}

function compileBound(
  attribute: string,
  operator: 'atLeast' | 'atMost' | 'above' | 'below',
  bound: number,
): ContextTest {
  const matches = boundTest(operator, bound);
  return (context) => {
    const value = context[attribute];
    return typeof value === 'number' && Number.isFinite(value) && matches(value);
  };
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

function compileInstant(attribute: string, operator: 'after' | 'before', bound: string): ContextTest {
  const boundMs = instantMs(bound);
  // Every comparison with NaN is false: what is no instant never matches.
  return operator === 'after'
    ? (context) => instantMs(context[attribute]) > boundMs
    : (context) => instantMs(context[attribute]) < boundMs;
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

function isComparable(value: unknown): value is AttributeValue {
  return (
    typeof value === 'string' || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))
  );
}

function unknownOperator(_condition: never): ContextTest {
  return () => false;
}

/**
 * The same text as the engine keeps it for property names. Text from JSON is not kept so when it is long, and
 * each look-up by it would then search the table of names first.
 */
export function internedName(name: string): string {
  return Object.keys({ [name]: 0 })[0] as string;
}
