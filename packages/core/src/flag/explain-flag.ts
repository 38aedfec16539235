import { bucket } from './bucket.ts';
import { compileFlags } from './compiled-flags.ts';
import { type ContextTest, compileConditions } from './condition-test.ts';
import {
  type Evaluation,
  type EvaluationContext,
  EXPOSURE_WHOLE,
  type FlagDefinition,
  type FlagDocument,
  type SegmentRule,
} from './flag-document.ts';
import { saltState } from './murmur3.ts';
import { answersCandidate, compileOwnAnswer, SaltCache, subjectKey } from './own-answer.ts';
import { PrerequisiteGraph } from './prerequisite-graph.ts';

/** One thing that evaluation looks at. */
export interface FlagTest {
  readonly test:
    | 'known'
    | 'enabled'
    | 'retired'
    | 'subject'
    | 'kept-out'
    | 'let-in'
    | 'rule'
    | 'percentage'
    | 'requires';
  /** `decides`: what follows is not looked at any more; only a requirement may still take the candidate away. */
  readonly outcome: 'goes on' | 'decides';
  /** For people. */
  readonly text: string;
}

export interface FlagExplanation {
  readonly evaluation: Evaluation;
  /** In the order in which evaluation makes them, up to the one that decides. */
  readonly tests: readonly FlagTest[];
}

/** Says of each test in the evaluation of a flag what it found. The answer is that of {@link compileFlags}. */
export function explainFlag(document: FlagDocument, key: string, context: EvaluationContext): FlagExplanation {
  const evaluation = compileFlags(document).evaluate(key, context);
  const definition = document.flags[key];
  if (definition === undefined) return { evaluation, tests: [decides('known', `there is no flag '${key}'`)] };
  const own = ownTests(document, definition, context);
  const isFinal = own.some(({ test, outcome }) => outcome === 'decides' && OUTRANKS_REQUIREMENTS.includes(test));
  return { evaluation, tests: isFinal ? own : [...own, ...requirementTests(document, key, context)] };
}

/** What these decide holds whatever the flag requires; being let in does not. */
const OUTRANKS_REQUIREMENTS: readonly FlagTest['test'][] = ['enabled', 'subject', 'kept-out'];

function ownTests(document: FlagDocument, definition: FlagDefinition, context: EvaluationContext): readonly FlagTest[] {
  const { cohort, overrides } = definition;
  if (!definition.enabled) return [decides('enabled', 'it is disabled: legacy for everybody')];
  if (definition.retired)
    return [goesOn('enabled', 'it is enabled'), decides('retired', 'it is retired: candidate for everybody')];
  const subject = subjectKey(context, cohort);
  const tests = [goesOn('enabled', 'it is enabled')];
  if (subject === '') {
    return [...tests, decides('subject', `the context has neither '${cohort}' nor targetingKey: legacy`)];
  }
  tests.push(goesOn('subject', `the subject is '${subject}', by ${subjectSource(context, cohort)}`));
  if (overrides.legacy.includes(subject))
    return [...tests, decides('kept-out', `'${subject}' is kept out by name: legacy`)];
  tests.push(goesOn('kept-out', countText(overrides.legacy.length, 'kept out', subject)));
  if (overrides.candidate.includes(subject))
    return [...tests, decides('let-in', `'${subject}' is let in by name: candidate`)];
  tests.push(goesOn('let-in', countText(overrides.candidate.length, 'let in', subject)));
  const place = bucket(saltState(definition.salt), subject);
  for (const rule of definition.rules) {
    const test = ruleTest(document, rule, context, place);
    tests.push(test);
    if (test.outcome === 'decides') return tests;
  }
  return [...tests, decides('percentage', splitText(definition.exposure, place))];
}

function subjectSource(context: EvaluationContext, cohort: string): string {
  return context[cohort] === undefined || context[cohort] === null
    ? `targetingKey, as '${cohort}' is not given`
    : cohort;
}

function countText(count: number, what: string, subject: string): string {
  return count === 0 ? `nobody is ${what} by name` : `'${subject}' is not among the ${count} ${what} by name`;
}

function ruleTest(document: FlagDocument, rule: SegmentRule, context: EvaluationContext, place: number): FlagTest {
  const matches = segmentTest(document, rule.segment);
  if (matches === undefined) return goesOn('rule', `nobody defined segment '${rule.segment}': passed over`);
  if (!matches(context)) return goesOn('rule', `not in segment '${rule.segment}'`);
  return decides('rule', `in segment '${rule.segment}': ${splitText(rule.exposure, place)}`);
}

/** Where the subject stands against a percentage, both in percent of all subjects. */
function splitText(exposure: number, place: number): string {
  const share = `${exposure / 1000} %`;
  if (exposure >= EXPOSURE_WHOLE) return `${share}: candidate`;
  if (exposure <= 0) return `${share}: legacy`;
  const at = `the subject's place is ${place / 1000} %`;
  return place < exposure ? `${share}, ${at}, below it: candidate` : `${share}, ${at}, not below it: legacy`;
}

function requirementTests(document: FlagDocument, key: string, context: EvaluationContext): readonly FlagTest[] {
  const needs = new PrerequisiteGraph().allRequiredBy(key, (other) => document.flags[other]?.requires);
  if (needs === 'unsatisfiable') {
    return [decides('requires', 'a flag that it requires is unknown, or they require each other: legacy')];
  }
  const tests: FlagTest[] = [];
  for (const other of needs) {
    const required = document.flags[other];
    if (required !== undefined && !answersCandidate(ownAnswer(document, required, context))) {
      return [...tests, decides('requires', `it requires '${other}', which answers legacy: legacy`)];
    }
    tests.push(goesOn('requires', `it requires '${other}', which answers candidate`));
  }
  return tests;
}

function ownAnswer(document: FlagDocument, definition: FlagDefinition, context: EvaluationContext): number {
  return compileOwnAnswer(definition, (segment) => segmentTest(document, segment), new SaltCache())(context);
}

function segmentTest(document: FlagDocument, key: string): ContextTest | undefined {
  const segment = document.segments[key];
  return segment === undefined ? undefined : compileConditions(segment.conditions);
}

function goesOn(test: FlagTest['test'], text: string): FlagTest {
  return { test, outcome: 'goes on', text };
}

function decides(test: FlagTest['test'], text: string): FlagTest {
  return { test, outcome: 'decides', text };
}
