import { type ContextTest, compileConditions } from './condition-test.ts';
import type { AttributeValue, EvaluationContext, SegmentDefinition, SegmentRule } from './flag-document.ts';
import { internedName, isPath } from './read-attribute.ts';

/** A segment ready to be asked, shared by all flags that have a rule for it. */
export interface CompiledSegment {
  readonly matches: ContextTest;
  /** Where one attribute having one of a few values is all that it asks: many rules of that kind are one look-up. */
  readonly equality: { readonly attribute: string; readonly values: readonly AttributeValue[] } | undefined;
}

/** The exposure, in parts of 100 000, that one or several rules give a subject, or {@link NO_RULE}. */
export type RuleTest = (context: EvaluationContext) => number;

/** No rule matches: less than any exposure. */
export const NO_RULE = -1;

/** The index of a rule is the flag's own; of a long list of members all flags share one set instead. */
const INDEXED_VALUES_LIMIT = 32;

export function compileSegment({ conditions }: SegmentDefinition): CompiledSegment {
  const matches = compileConditions(conditions);
  const [only] = conditions;
  const isEquality =
    conditions.length === 1 &&
    only?.operator === 'in' &&
    only.values.length <= INDEXED_VALUES_LIMIT &&
    !isPath(only.attribute);
  return { matches, equality: isEquality ? { attribute: only.attribute, values: only.values } : undefined };
}

interface KnownRule {
  readonly segment: CompiledSegment;
  readonly exposure: number;
}

/**
 * Tests to be asked one after another; the first that matches wins. Neighbouring rules that compare the same attribute
 * become one look-up, however many they are.
 *
 * @param findSegment undefined for a segment that nobody defined: its rule never matches and is left out
 */
export function compileRules(
  rules: readonly SegmentRule[],
  findSegment: (key: string) => CompiledSegment | undefined,
): readonly RuleTest[] {
  const tests: RuleTest[] = [];
  let run: KnownRule[] = [];
  const endRun = (): void => {
    if (run.length > 0) tests.push(compileRun(run));
    run = [];
  };
  for (const { segment: key, exposure } of rules) {
    const segment = findSegment(key);
    if (segment === undefined) continue;
    const attribute = segment.equality?.attribute;
    if (attribute === undefined || run[0]?.segment.equality?.attribute !== attribute) endRun();
    run.push({ segment, exposure });
    if (attribute === undefined) endRun();
  }
  endRun();
  return tests;
}

function compileRun(run: readonly KnownRule[]): RuleTest {
  const [first] = run;
  if (first === undefined) return () => NO_RULE;
  const attribute = first.segment.equality?.attribute;
  if (run.length > 1 && attribute !== undefined) return compileLookUp(attribute, run);
  const { segment, exposure } = first;
  const { matches } = segment;
  return (context) => (matches(context) ? exposure : NO_RULE);
}

function compileLookUp(attribute: string, run: readonly KnownRule[]): RuleTest {
  const name = internedName(attribute);
  const exposures = new Map<unknown, number>();
  for (const { segment, exposure } of run) {
    for (const value of segment.equality?.values ?? []) {
      // Of two rules for one value the first counts.
      if (!exposures.has(value)) exposures.set(value, exposure);
    }
  }
  return (context) => exposures.get(context[name]) ?? NO_RULE;
}
