import {
  type AttributeCondition,
  EXPOSURE_WHOLE,
  type FlagDefinition,
  type FlagDocument,
  PER_CALL,
  type SegmentDefinition,
} from './flag-document.ts';
import { isLive } from './live-stage.ts';
import { PrerequisiteGraph } from './prerequisite-graph.ts';
import { unknownField } from './static-answer.ts';

/** JsonLogic as flagd reads it. */
export type FlagdLogic =
  | string
  | number
  | boolean
  | null
  | readonly FlagdLogic[]
  | { readonly [operator: string]: FlagdLogic };

/** A flag as flagd has it: https://flagd.dev/schema/v0/flags.json */
export interface FlagdFlag {
  readonly state: 'ENABLED';
  readonly variants: { readonly candidate: true; readonly legacy: false };
  readonly defaultVariant: 'candidate' | 'legacy';
  readonly targeting?: FlagdLogic;
}

export interface FlagdExport {
  /** What flagd reads, under `flags`. */
  readonly flags: Readonly<Record<string, FlagdFlag>>;
  /** Flags that flagd cannot answer as we do, with the reason. They are not among `flags`. */
  readonly refused: readonly { readonly key: string; readonly why: string }[];
}

/** A flag with more requirements than these would be written out as often as it is required. */
const MOST_REQUIRED = 100;

/**
 * The flags of a document for flagd, which then answers every subject of ASCII text as we do: its `fractional` hashes
 * our salt with the subject's key, and what a flag requires is written out within it.
 */
export function flagdDefinitions(document: FlagDocument): FlagdExport {
  const flags: Record<string, FlagdFlag> = {};
  const refused: { key: string; why: string }[] = [];
  for (const [key, definition] of byKey(document.flags)) {
    const written = flagdFlag(document, definition);
    if (typeof written === 'string') refused.push({ key, why: written });
    else flags[key] = written;
  }
  return { flags, refused };
}

function byKey(flags: FlagDocument['flags']): readonly (readonly [string, FlagDefinition])[] {
  return Object.entries(flags).sort(([left], [right]) => (left < right ? -1 : 1));
}

/** The flag, or why flagd cannot have it. */
function flagdFlag(document: FlagDocument, definition: FlagDefinition): FlagdFlag | string {
  const needs = new PrerequisiteGraph().allRequiredBy(definition.key, (key) => document.flags[key]?.requires);
  if (needs === 'unsatisfiable') return constant('legacy');
  if (needs.length > MOST_REQUIRED) return `it requires ${needs.length} flags, more than ${MOST_REQUIRED}`;
  const involved = [definition, ...needs.flatMap((key) => document.flags[key] ?? [])];
  for (const each of involved) {
    const problem = problemOf(document, each);
    if (problem === null) continue;
    return each === definition ? problem : `it requires '${each.key}', and ${problem}`;
  }
  const parts = involved.map((each) => takesCandidate(document, each));
  if (parts.includes(false)) return constant('legacy');
  const open = parts.filter((part) => part !== true);
  return open.length === 0 ? constant('candidate') : targeted(open);
}

const VARIANTS = { candidate: true, legacy: false } as const;

function constant(defaultVariant: 'candidate' | 'legacy'): FlagdFlag {
  return { state: 'ENABLED', variants: VARIANTS, defaultVariant };
}

function targeted(conditions: readonly FlagdLogic[]): FlagdFlag {
  const targeting = { if: [all(conditions), 'candidate', 'legacy'] };
  return { state: 'ENABLED', variants: VARIANTS, defaultVariant: 'legacy', targeting };
}

function problemOf(document: FlagDocument, definition: FlagDefinition): string | null {
  const unknown = unknownField(definition);
  if (unknown !== undefined) return `it has '${unknown}', which flagd has no words for`;
  if ((definition.variants?.length ?? 0) > 0) return 'it has variants, and here a flag is candidate or legacy';
  if (definition.cohort === PER_CALL) return 'it decides each call by itself, which flagd cannot do';
  if (!isPlainName(definition.cohort)) return `flagd cannot name the attribute '${definition.cohort}'`;
  const { audience } = definition;
  const segments = [
    ...definition.rules.map(({ segment }) => segment),
    ...(audience === undefined ? [] : [audience.segment]),
  ];
  for (const key of segments) {
    const problem = document.segments[key]?.conditions.map(conditionProblem).find((text) => text !== null);
    if (problem) return `segment '${key}' ${problem}`;
  }
  return null;
}

/** In flagd a dot leads into an attribute, and an empty name is the whole context. */
function isPlainName(attribute: string): boolean {
  return attribute !== '' && !/[.$\\]/.test(attribute);
}

function conditionProblem({ attribute, operator }: AttributeCondition): string | null {
  if (!isPlainName(attribute)) return `asks for '${attribute}', which flagd cannot name`;
  return OPERATORS.includes(operator) ? null : `compares '${attribute}' by '${operator}', which flagd cannot do`;
}

/** The test whether the candidate answers; of a migration its stages say on which side it does. */
function takesCandidate(document: FlagDocument, definition: FlagDefinition): FlagdLogic {
  const { migration, enabled } = definition;
  const own = isOnCandidate(document, definition);
  if (migration === undefined || !enabled) return own;
  const legacy = isLive(migration.stages.legacy);
  const candidate = isLive(migration.stages.candidate);
  if (legacy === candidate) return legacy;
  if (typeof own === 'boolean') return own ? candidate : legacy;
  return candidate ? own : not(own);
}

/** The test whether a flag by itself lets a subject in; true or false where everybody is answered so. */
function isOnCandidate(document: FlagDocument, definition: FlagDefinition): FlagdLogic {
  const { enabled, retired, overrides, rules, cohort, salt, exposure, audience } = definition;
  if (!enabled) return false;
  if (retired) return true;
  const subject = subjectOf(cohort);
  const branches: FlagdLogic[] = [not(isUsable(subject)), false];
  if (overrides.legacy.length > 0) branches.push(isAmong(subject, overrides.legacy), false);
  if (overrides.candidate.length > 0) branches.push(isAmong(subject, overrides.candidate), true);
  for (const rule of rules) {
    const segment = document.segments[rule.segment];
    if (segment !== undefined) branches.push(matches(segment), isBelow(salt, subject, rule.exposure));
  }
  const audienceSegment = audience === undefined ? undefined : document.segments[audience.segment];
  if (audience !== undefined && audienceSegment !== undefined) {
    branches.push(matches(audienceSegment), isBelow(salt, subject, audience.exposure));
  }
  return { if: [...branches, isBelow(salt, subject, exposure)] };
}

function subjectOf(cohort: string): FlagdLogic {
  const own = { var: cohort };
  return cohort === 'targetingKey' ? own : { if: [{ '===': [own, null] }, { var: 'targetingKey' }, own] };
}

/** A text that is not empty, or a number. */
function isUsable(subject: FlagdLogic): FlagdLogic {
  return all([{ '!==': [subject, ''] }, { or: [isText(subject), isNumber(subject)] }]);
}

function isText(value: FlagdLogic): FlagdLogic {
  return { '===': [asText(value), value] };
}

/** Subtracting from a text would be an error, so that is ruled out first. */
function isNumber(value: FlagdLogic): FlagdLogic {
  return all([{ '!==': [asText(value), value] }, { '===': [{ '-': [value, 0] }, value] }]);
}

function asText(value: FlagdLogic): FlagdLogic {
  return { cat: [value] };
}

function isAmong(subject: FlagdLogic, subjects: readonly string[]): FlagdLogic {
  return { in: [asText(subject), subjects] };
}

function isBelow(salt: string, subject: FlagdLogic, exposure: number): FlagdLogic {
  if (exposure >= EXPOSURE_WHOLE) return true;
  if (exposure <= 0) return false;
  const shares = [
    ['candidate', exposure],
    ['legacy', EXPOSURE_WHOLE - exposure],
  ];
  return { '===': [{ fractional: [{ cat: [salt, subject] }, ...shares] }, 'candidate'] };
}

function matches({ conditions }: SegmentDefinition): FlagdLogic {
  return all(conditions.map(conditionLogic));
}

type Operator = AttributeCondition['operator'];

const COMPARISONS = { atLeast: '>=', atMost: '<=', above: '>', below: '<' } as const;

/** What flagd can do of our operators: it reads no dates. */
const OPERATORS: readonly Operator[] = ['in', 'notIn', 'startsWith', 'endsWith', 'atLeast', 'atMost', 'above', 'below'];

function conditionLogic(condition: AttributeCondition): FlagdLogic {
  const attribute = { var: condition.attribute };
  switch (condition.operator) {
    case 'in':
      return { in: [attribute, condition.values] };
    case 'notIn':
      return all([isComparable(attribute), not({ in: [attribute, condition.values] })]);
    case 'startsWith':
      return some(condition.values.map((value) => ({ starts_with: [attribute, value] })));
    case 'endsWith':
      return some(condition.values.map((value) => ({ ends_with: [attribute, value] })));
    case 'atLeast':
    case 'atMost':
    case 'above':
    case 'below':
      return all([isNumber(attribute), { [COMPARISONS[condition.operator]]: [attribute, condition.value] }]);
    default:
      // None of these comes here: problemOf() has refused the flag.
      return false;
  }
}

function isComparable(value: FlagdLogic): FlagdLogic {
  return { or: [isText(value), { '===': [value, true] }, { '===': [value, false] }, isNumber(value)] };
}

function all(conditions: readonly FlagdLogic[]): FlagdLogic {
  const [only] = conditions;
  if (only === undefined) return true;
  return conditions.length === 1 ? only : { and: conditions };
}

function some(conditions: readonly FlagdLogic[]): FlagdLogic {
  const [only] = conditions;
  if (only === undefined) return false;
  return conditions.length === 1 ? only : { or: conditions };
}

function not(condition: FlagdLogic): FlagdLogic {
  return { '!': [condition] };
}
