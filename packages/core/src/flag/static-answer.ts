import { type Arm, EXPOSURE_WHOLE, type FlagDefinition, type FlagDocument } from './flag-document.ts';
import { isLive } from './live-stage.ts';
import { PrerequisiteGraph } from './prerequisite-graph.ts';

/** What a flag answers without anybody being asked about: an arm, or why that depends on whom one asks about. */
export type StaticAnswer =
  | { readonly kind: 'same'; readonly arm: Arm }
  /** Nothing but the flag's own percentage decides; parts of {@link EXPOSURE_WHOLE}. */
  | { readonly kind: 'share'; readonly exposure: number }
  | { readonly kind: 'differs'; readonly why: string };

/** Says whether a flag answers everybody the same. Subjects without a key, who get legacy at any percentage, are left aside. */
export function staticAnswerOf(document: FlagDocument, definition: FlagDefinition): StaticAnswer {
  const unknown = unknownField(definition);
  if (unknown !== undefined)
    return { kind: 'differs', why: `it has '${unknown}', of which this version knows nothing` };
  const { variants = [] } = definition;
  if (variants.length > 1) return { kind: 'differs', why: `it has ${variants.length} variants` };
  const own = toldAnswer(document, definition);
  if (own.kind === 'same' && own.arm === 'legacy') return own;
  const needs = new PrerequisiteGraph().allRequiredBy(definition.key, (key) => document.flags[key]?.requires);
  if (needs === 'unsatisfiable') return LEGACY;
  const answers = needs.map((key) => ownAnswerOf(document, key));
  if (answers.some((answer) => answer.kind === 'same' && answer.arm === 'legacy')) return LEGACY;
  const unsure = needs.find((_key, at) => answers[at]?.kind !== 'same');
  return unsure === undefined ? own : { kind: 'differs', why: `it requires '${unsure}', which differs by subject` };
}

const LEGACY: StaticAnswer = { kind: 'same', arm: 'legacy' };
const CANDIDATE: StaticAnswer = { kind: 'same', arm: 'candidate' };

function ownAnswerOf(document: FlagDocument, key: string): StaticAnswer {
  const definition = document.flags[key];
  return definition === undefined ? LEGACY : toldAnswer(document, definition);
}

/** Of a migration its stages say which side answers. */
function toldAnswer(document: FlagDocument, definition: FlagDefinition): StaticAnswer {
  const { migration, enabled } = definition;
  if (migration === undefined || !enabled) return ownAnswer(document, definition);
  const { legacy, candidate } = migration.stages;
  if (isLive(legacy) === isLive(candidate)) return isLive(legacy) ? CANDIDATE : LEGACY;
  return isLive(candidate) ? ownAnswer(document, definition) : { kind: 'differs', why: 'legacy answers the candidate' };
}

function ownAnswer(document: FlagDocument, definition: FlagDefinition): StaticAnswer {
  const { enabled, retired, exposure, overrides, audience } = definition;
  if (!enabled) return LEGACY;
  if (retired) return CANDIDATE;
  const rules = definition.rules.filter(({ segment }) => document.segments[segment] !== undefined);
  const constant = (share: number, others: readonly string[]): boolean =>
    exposure === share && others.length === 0 && rules.every((rule) => rule.exposure === share);
  if (constant(0, overrides.candidate)) return LEGACY;
  if (constant(EXPOSURE_WHOLE, overrides.legacy)) return CANDIDATE;
  if (audience !== undefined && audience.exposure > 0) {
    return { kind: 'differs', why: `its percentage is about segment '${audience.segment}' only` };
  }
  if (rules.length > 0) return { kind: 'differs', why: `it has a rule for segment '${rules[0]?.segment}'` };
  const named = overrides.legacy.length + overrides.candidate.length;
  return named > 0 ? { kind: 'differs', why: `it lets in or keeps out ${named} by name` } : { kind: 'share', exposure };
}

/** Fields that bear on no answer, those of newer versions included. */
const NO_BEARING: readonly string[] = ['key', 'fallback', 'epoch', 'split', 'strata', 'marks', 'goals'];
const UNDERSTOOD: readonly (keyof FlagDefinition)[] = [
  'enabled',
  'cohort',
  'salt',
  'exposure',
  'requires',
  'overrides',
  'rules',
  'retired',
  'audience',
  'migration',
  'variants',
];

/** The first field of a definition that may decide who takes which arm in a way that is not known here. */
export function unknownField(definition: FlagDefinition): string | undefined {
  const known: readonly string[] = [...NO_BEARING, ...UNDERSTOOD];
  return Object.keys(definition).find((field) => !known.includes(field));
}
