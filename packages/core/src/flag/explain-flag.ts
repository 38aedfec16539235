import { bucket } from './bucket.ts';
import { compileFlags } from './compiled-flags.ts';
import { type CompiledSegment, compileSegment } from './compiled-rules.ts';
import {
  type Evaluation,
  type EvaluationContext,
  EXPOSURE_WHOLE,
  type FlagDefinition,
  type FlagDocument,
  PER_CALL,
} from './flag-document.ts';
import { isAnsweredByCandidate, isLive } from './live-stage.ts';
import { saltState } from './murmur3.ts';
import { type Answer, answersCandidate, compileOwnAnswer, NOT_DRAWN, SaltCache, subjectKey } from './own-answer.ts';
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
    | 'audience'
    | 'percentage'
    | 'requires'
    | 'stage'
    | 'variant';
  /**
   * `decides`: what follows is not looked at any more; only a requirement may still take the candidate away, and the
   * stage of a migration give it.
   */
  readonly outcome: 'goes on' | 'decides';
  /** For people. */
  readonly text: string;
}

export interface FlagExplanation {
  readonly evaluation: Evaluation;
  /** In the order in which evaluation makes them, up to the one that decides. */
  readonly tests: readonly FlagTest[];
}

/** Whom a flag is asked about: the context, and the number that was drawn for the call. */
interface Asked {
  readonly document: FlagDocument;
  readonly context: EvaluationContext;
  readonly draw: number;
}

/**
 * Says of each test in the evaluation of a flag what it found. The answer is that of {@link compileFlags}.
 *
 * @param draw a number from 0 up to 1, drawn for this call, for flags that decide each call by itself
 */
export function explainFlag(
  document: FlagDocument,
  key: string,
  context: EvaluationContext,
  draw: number = NOT_DRAWN,
): FlagExplanation {
  const evaluation = compileFlags(document).evaluate(key, context, draw);
  const definition = document.flags[key];
  if (definition === undefined) return { evaluation, tests: [decides('known', `there is no flag '${key}'`)] };
  const asked = { document, context, draw };
  const own = ownTests(asked, definition);
  const isFinal = own.some(({ test, outcome }) => outcome === 'decides' && OUTRANKS_REQUIREMENTS.includes(test));
  const required = isFinal ? [] : requirementTests(asked, key);
  const isOnCandidate =
    answersCandidate(ownAnswer(asked, definition)) && !required.some(({ outcome }) => outcome === 'decides');
  return { evaluation, tests: [...own, ...required, ...afterwards(definition, evaluation, isOnCandidate)] };
}

/** What these decide holds whatever the flag requires; being let in does not. */
const OUTRANKS_REQUIREMENTS: readonly FlagTest['test'][] = ['enabled', 'subject', 'kept-out'];

function ownTests(asked: Asked, definition: FlagDefinition): readonly FlagTest[] {
  const { overrides } = definition;
  if (!definition.enabled) return [decides('enabled', 'it is disabled: legacy for everybody')];
  if (definition.retired)
    return [goesOn('enabled', 'it is enabled'), decides('retired', 'it is retired: candidate for everybody')];
  const subject = subjectKey(asked.context, definition.cohort, asked.draw);
  const tests = [goesOn('enabled', 'it is enabled')];
  if (subject === '') return [...tests, decides('subject', missingText(definition.cohort))];
  tests.push(goesOn('subject', subjectText(asked.context, definition.cohort, subject)));
  if (overrides.legacy.includes(subject))
    return [...tests, decides('kept-out', `'${subject}' is kept out by name: legacy`)];
  tests.push(goesOn('kept-out', countText(overrides.legacy.length, 'kept out', subject)));
  if (overrides.candidate.includes(subject))
    return [...tests, decides('let-in', `'${subject}' is let in by name: candidate`)];
  tests.push(goesOn('let-in', countText(overrides.candidate.length, 'let in', subject)));
  const place = bucket(saltState(definition.salt), subject);
  for (const rule of definition.rules) {
    const test = ruleTest(asked, rule, place);
    tests.push(test);
    if (test.outcome === 'decides') return tests;
  }
  return [...tests, ...shareTests(asked, definition, place)];
}

function missingText(cohort: string): string {
  return cohort === PER_CALL
    ? 'it decides each call by a number drawn for it, and none was drawn: legacy'
    : `the context has neither '${cohort}' nor targetingKey: legacy`;
}

function subjectText(context: EvaluationContext, cohort: string, subject: string): string {
  if (cohort === PER_CALL) return `each call is decided by itself, this one by ${subject}, drawn for it`;
  const isGiven = context[cohort] !== undefined && context[cohort] !== null;
  return `the subject is '${subject}', by ${isGiven ? cohort : `targetingKey, as '${cohort}' is not given`}`;
}

function countText(count: number, what: string, subject: string): string {
  return count === 0 ? `nobody is ${what} by name` : `'${subject}' is not among the ${count} ${what} by name`;
}

function ruleTest(
  asked: Asked,
  rule: { readonly segment: string; readonly exposure: number },
  place: number,
): FlagTest {
  const segment = segmentOf(asked.document, rule.segment);
  if (segment === undefined) return goesOn('rule', `nobody defined segment '${rule.segment}': passed over`);
  if (!segment.matches(asked.context)) return goesOn('rule', `not in segment '${rule.segment}'`);
  return decides('rule', `in segment '${rule.segment}': ${splitText(rule.exposure, place)}`);
}

/** The percentage, which is about everybody, or only about the members of a segment. */
function shareTests(asked: Asked, { audience, exposure }: FlagDefinition, place: number): readonly FlagTest[] {
  if (audience === undefined) return [decides('percentage', splitText(exposure, place))];
  const { segment } = audience;
  if (segmentOf(asked.document, segment)?.matches(asked.context)) {
    const belongs = goesOn('audience', `in segment '${segment}', which its percentage is about`);
    return [belongs, decides('percentage', splitText(audience.exposure, place))];
  }
  return [
    decides('audience', `not in segment '${segment}', which its percentage is about: ${splitText(exposure, place)}`),
  ];
}

/** Where the subject stands against a percentage, both in percent of all subjects. */
function splitText(exposure: number, place: number): string {
  const share = `${exposure / 1000} %`;
  if (exposure >= EXPOSURE_WHOLE) return `${share}: candidate`;
  if (exposure <= 0) return `${share}: legacy`;
  const at = `the subject's place is ${place / 1000} %`;
  return place < exposure ? `${share}, ${at}, below it: candidate` : `${share}, ${at}, not below it: legacy`;
}

function requirementTests(asked: Asked, key: string): readonly FlagTest[] {
  const { flags } = asked.document;
  const needs = new PrerequisiteGraph().allRequiredBy(key, (other) => flags[other]?.requires);
  if (needs === 'unsatisfiable') {
    return [decides('requires', 'a flag that it requires is unknown, or they require each other: legacy')];
  }
  const tests: FlagTest[] = [];
  for (const other of needs) {
    const required = flags[other];
    if (required !== undefined && !isAnsweredByCandidate(required, ownAnswer(asked, required))) {
      return [...tests, decides('requires', `it requires '${other}', which answers legacy: legacy`)];
    }
    tests.push(goesOn('requires', `it requires '${other}', which answers candidate`));
  }
  return tests;
}

function ownAnswer({ document, context, draw }: Asked, definition: FlagDefinition): Answer {
  return compileOwnAnswer(definition, (segment) => segmentOf(document, segment), new SaltCache())(context, draw);
}

/** What becomes of the arm: of a migration its stage says who answers, and a candidate may be divided. */
function afterwards(
  { migration, variants = [], enabled }: FlagDefinition,
  { arm, variant }: Evaluation,
  isOnCandidate: boolean,
): readonly FlagTest[] {
  const tests: FlagTest[] = [];
  if (migration !== undefined && enabled) {
    const split = isOnCandidate ? 'candidate' : 'legacy';
    const stage = migration.stages[split];
    const who = isLive(stage) ? 'the candidate' : 'legacy';
    const text = `subjects on the side of ${split} are at stage ${stage}, where ${who} answers: ${arm}`;
    tests.push(split === arm ? goesOn('stage', text) : decides('stage', text));
  }
  if (arm === 'candidate' && variants.length > 0) {
    tests.push(goesOn('variant', `its variant is '${variant}', of ${variants.length}`));
  }
  return tests;
}

function segmentOf(document: FlagDocument, key: string): CompiledSegment | undefined {
  const segment = document.segments[key];
  return segment === undefined ? undefined : compileSegment(segment);
}

function goesOn(test: FlagTest['test'], text: string): FlagTest {
  return { test, outcome: 'goes on', text };
}

function decides(test: FlagTest['test'], text: string): FlagTest {
  return { test, outcome: 'decides', text };
}
