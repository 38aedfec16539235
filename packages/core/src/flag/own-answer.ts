import { bucket } from './bucket.ts';
import { type CompiledSegment, compileRules, NO_RULE, type RuleTest } from './compiled-rules.ts';
import { type EvaluationContext, EXPOSURE_WHOLE, type FlagDefinition, PER_CALL } from './flag-document.ts';
import { type SaltState, saltState } from './murmur3.ts';
import { internedName } from './read-attribute.ts';

/**
 * What a flag says of a subject, as a small integer so that an evaluation leaves no garbage:
 * the lowest bit is set for candidate, the others name the reason.
 */
export type Answer = number;

export const ANSWER_DISABLED: Answer = 0;
export const ANSWER_KEY_MISSING: Answer = 2;
export const ANSWER_KEPT_OUT: Answer = 4;
export const ANSWER_LET_IN: Answer = 5;
export const ANSWER_SEGMENT_LEGACY: Answer = 6;
export const ANSWER_SEGMENT_CANDIDATE: Answer = 7;
export const ANSWER_SPLIT_LEGACY: Answer = 8;
export const ANSWER_SPLIT_CANDIDATE: Answer = 9;
export const ANSWER_PREREQUISITE: Answer = 10;
export const ANSWER_RETIRED: Answer = 11;

/** Whether the answer is candidate. */
export function answersCandidate(answer: Answer): boolean {
  return (answer & 1) === 1;
}

/**
 * The answer of one flag by itself, its prerequisites left aside. Throws only what the context's getters throw.
 *
 * @param draw the number drawn for this call, from 0 up to 1; flags that keep nobody are bucketed by it
 */
export type OwnAnswer = (context: EvaluationContext, draw: number) => Answer;

/** Stands for a number that nobody drew: flags that need one answer legacy. */
export const NOT_DRAWN = -1;

/** The segment of a name; undefined for one that nobody defined, which then never matches. */
export type FindSegment = (key: string) => CompiledSegment | undefined;

/** Compiles everything of a flag but its prerequisites. */
export function compileOwnAnswer(definition: FlagDefinition, findSegment: FindSegment, salts: SaltCache): OwnAnswer {
  if (!definition.enabled) return () => ANSWER_DISABLED;
  if (definition.retired) return () => ANSWER_RETIRED;
  const cohort = internedName(definition.cohort);
  const salt = salts.stateOf(definition.salt);
  const { exposure } = definition;
  const keptOut = nonEmptySet(definition.overrides.legacy);
  const letIn = nonEmptySet(definition.overrides.candidate);
  const rules = compileRules(definition.rules, findSegment);
  const { audience } = definition;
  const belongs = audience === undefined ? undefined : (findSegment(audience.segment)?.matches ?? nobody);
  const within = audience?.exposure ?? 0;
  if (keptOut === undefined && letIn === undefined && rules.length === 0 && belongs === undefined) {
    return (context, draw) => {
      const subject = subjectKey(context, cohort, draw);
      return subject === '' ? ANSWER_KEY_MISSING : splitAnswer(salt, subject, exposure);
    };
  }
  return (context, draw) => {
    const subject = subjectKey(context, cohort, draw);
    if (subject === '') return ANSWER_KEY_MISSING;
    if (keptOut?.has(subject)) return ANSWER_KEPT_OUT;
    if (letIn?.has(subject)) return ANSWER_LET_IN;
    for (let at = 0; at < rules.length; at += 1) {
      const found = (rules[at] as RuleTest)(context);
      if (found !== NO_RULE) return segmentAnswer(salt, subject, found);
    }
    if (belongs === undefined) return splitAnswer(salt, subject, exposure);
    return belongs(context) ? splitAnswer(salt, subject, within) : segmentAnswer(salt, subject, exposure);
  };
}

/** The text that is bucketed, or '' where the context names no usable subject. */
export function subjectKey(context: EvaluationContext, cohort: string, draw: number): string {
  if (cohort === PER_CALL) return draw === NOT_DRAWN ? '' : String(draw);
  const key = context[cohort] ?? context['targetingKey'];
  if (typeof key === 'string') return key;
  return typeof key === 'number' && Number.isFinite(key) ? String(key) : '';
}

function splitAnswer(salt: SaltState, subject: string, exposure: number): Answer {
  if (exposure >= EXPOSURE_WHOLE) return ANSWER_SPLIT_CANDIDATE;
  if (exposure <= 0) return ANSWER_SPLIT_LEGACY;
  return bucket(salt, subject) < exposure ? ANSWER_SPLIT_CANDIDATE : ANSWER_SPLIT_LEGACY;
}

/** Not compared: who is in the arm depends on more than the hash. */
function segmentAnswer(salt: SaltState, subject: string, exposure: number): Answer {
  return splitAnswer(salt, subject, exposure) - ANSWER_SPLIT_LEGACY + ANSWER_SEGMENT_LEGACY;
}

function nobody(): boolean {
  return false;
}

function nonEmptySet(subjects: readonly string[]): ReadonlySet<string> | undefined {
  return subjects.length === 0 ? undefined : new Set(subjects);
}

/** Flags of a plan share one salt: its state is computed and kept once. */
export class SaltCache {
  readonly #states = new Map<string, SaltState>();

  stateOf(salt: string): SaltState {
    const known = this.#states.get(salt);
    if (known !== undefined) return known;
    const state = saltState(salt);
    // Salts are a handful; a stream of patches that invents new ones must not fill the memory.
    if (this.#states.size >= SALT_LIMIT) this.#states.clear();
    this.#states.set(salt, state);
    return state;
  }
}

const SALT_LIMIT = 10_000;
