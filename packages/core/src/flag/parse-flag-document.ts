import {
  CONTROL,
  EXPOSURE_WHOLE,
  type FlagAudience,
  type FlagDefinition,
  type FlagDocument,
  type FlagPatch,
  type FlagVariant,
  type LatencyMarks,
  MIGRATION_STAGES,
  type MigrationSetting,
  type ReadPreference,
  type SegmentDefinition,
  VARIANT_LIMIT,
} from './flag-document.ts';
import { fillIn } from './flag-wire.ts';
import { utf8Length } from './murmur3.ts';

/** What became of a text from the network or the disk: the value, or the first thing that is wrong with it. */
export type ParsedFlagDocument =
  | { readonly kind: 'document'; readonly document: FlagDocument }
  | { readonly kind: 'invalid'; readonly reason: string };

export type ParsedFlagPatch =
  | { readonly kind: 'patch'; readonly patch: FlagPatch }
  | { readonly kind: 'invalid'; readonly reason: string };

/** More flags than this in one document are refused. */
export const FLAG_COUNT_LIMIT = 100_000;

/** Bounds of `flushEveryMs`: more often would be load, more seldom would be silence. */
const FLUSH_EVERY_MS = { least: 100, most: 3_600_000 } as const;

/** Bounds of a migration's `deadlineMs`: with none at all nothing could answer, and a timer cannot wait for ever. */
const DEADLINE_MS = { least: 1, most: 3_600_000 } as const;

const READ_PREFERENCES: readonly ReadPreference[] = ['legacy', 'candidate', 'fastest'];

/** What is wrong, or undefined where nothing is. Returned rather than thrown: bad input is to be expected here. */
type Complaint = string | undefined;

type Fields = Readonly<Record<string, unknown>>;

/**
 * Checks a parsed JSON value before it is trusted as a flag document. Fields that this version does not know are kept and ignored, and an unknown
 * operator of a segment is let through (it never matches): a newer server's rollback must reach an older SDK. What
 * {@link sentDocument} left out is put back into the value.
 */
export function parseFlagDocument(json: unknown): ParsedFlagDocument {
  const complaint = documentComplaint(json);
  return complaint === undefined
    ? { kind: 'document', document: json as FlagDocument }
    : { kind: 'invalid', reason: complaint };
}

/** Checks a parsed JSON value before it is trusted as a patch. */
export function parseFlagPatch(json: unknown): ParsedFlagPatch {
  const complaint = patchComplaint(json);
  return complaint === undefined ? { kind: 'patch', patch: json as FlagPatch } : { kind: 'invalid', reason: complaint };
}

function documentComplaint(json: unknown): Complaint {
  if (!isFields(json)) return 'the document is no object';
  const { version, flushEveryMs, flags, segments } = json as Record<keyof FlagDocument, unknown>;
  if (!isVersion(version)) return 'version is no whole number from 0';
  if (!isNumberWithin(flushEveryMs, FLUSH_EVERY_MS.least, FLUSH_EVERY_MS.most)) {
    return `flushEveryMs is no number from ${FLUSH_EVERY_MS.least} to ${FLUSH_EVERY_MS.most}`;
  }
  return flagsComplaint(flags) ?? segmentsComplaint(segments);
}

function patchComplaint(json: unknown): Complaint {
  if (!isFields(json)) return 'the patch is no object';
  const { from, version, flags, removed } = json as Record<keyof FlagPatch, unknown>;
  if (!isVersion(from) || !isVersion(version)) return 'from or version is no whole number from 0';
  if (version <= from) return `version ${version} does not follow ${from}`;
  if (!isTexts(removed)) return 'removed is no list of texts';
  return flagsComplaint(flags);
}

function flagsComplaint(flags: unknown): Complaint {
  if (!isFields(flags)) return 'flags is no object';
  // By keys: of ten thousand flags a list of pairs takes longer than to check them.
  const keys = Object.keys(flags);
  if (keys.length > FLAG_COUNT_LIMIT) return `there are more than ${FLAG_COUNT_LIMIT} flags`;
  for (const key of keys) {
    const complaint = flagComplaint(key, flags[key]);
    if (complaint !== undefined) return `flag '${key}': ${complaint}`;
  }
  return undefined;
}

function flagComplaint(key: string, definition: unknown): Complaint {
  if (!isFields(definition)) return 'is no object';
  fillIn(definition as Record<string, unknown>);
  const flag = definition as Record<keyof FlagDefinition, unknown>;
  if (flag.key !== key) return 'its key differs from the name it is listed under';
  if (typeof flag.enabled !== 'boolean') return 'enabled is neither true nor false';
  if (typeof flag.fallback !== 'boolean') return 'fallback is neither true nor false';
  if (typeof flag.cohort !== 'string' || flag.cohort === '') return 'cohort is no attribute name';
  if (typeof flag.salt !== 'string' || utf8Length(flag.salt) % 4 !== 0)
    return 'salt is no text whose bytes are a multiple of four';
  if (!isExposure(flag.exposure)) return `exposure is no whole number from 0 to ${EXPOSURE_WHOLE}`;
  if (!isTexts(flag.requires)) return 'requires is no list of texts';
  return (
    overridesComplaint(flag.overrides) ??
    rulesComplaint(flag.rules) ??
    audienceComplaint(flag.audience) ??
    comparisonComplaint(flag) ??
    migrationComplaint(flag.migration) ??
    variantsComplaint(flag.variants) ??
    (flag.goals === undefined || isTexts(flag.goals) ? undefined : 'goals is no list of texts') ??
    retiredComplaint(flag)
  );
}

/** Evaluators from before flags were retired answer by these fields alone, and must come to the same. */
function retiredComplaint({ retired, exposure, requires }: Record<keyof FlagDefinition, unknown>): Complaint {
  if (retired === undefined) return undefined;
  const isWhole = retired === true && exposure === EXPOSURE_WHOLE && Array.isArray(requires) && requires.length === 0;
  return isWhole ? undefined : 'it is retired, but not at 100 % without requirements';
}

/** What tells how the arms are compared; all of it may be absent. */
function comparisonComplaint({ epoch, split, strata, marks }: Record<keyof FlagDefinition, unknown>): Complaint {
  if (epoch !== undefined && !isVersion(epoch)) return 'epoch is no whole number from 0';
  if (split !== undefined && !isVersion(split)) return 'split is no whole number from 0';
  if (strata !== undefined && !isTexts(strata)) return 'strata is no list of texts';
  if (marks === undefined) return undefined;
  if (!isFields(marks)) return 'marks is no object';
  const { bodyMs, tailMs } = marks as Record<keyof LatencyMarks, unknown>;
  return isNumberWithin(bodyMs, 0, Number.MAX_VALUE) && isNumberWithin(tailMs, 0, Number.MAX_VALUE)
    ? undefined
    : 'the marks are no numbers from 0';
}

/** A stage or a preference that is not known is refused: guessing at who is authoritative over data could lose it. */
function migrationComplaint(migration: unknown): Complaint {
  if (migration === undefined) return undefined;
  if (!isFields(migration)) return 'migration is no object';
  const { stages, read, compared, deadlineMs, breakAbove } = migration as Record<keyof MigrationSetting, unknown>;
  if (!isFields(stages)) return 'the stages of its migration are no object';
  const { legacy, candidate } = stages as Record<keyof MigrationSetting['stages'], unknown>;
  if (!isStage(legacy) || !isStage(candidate)) {
    return `the stages of its migration are none of ${MIGRATION_STAGES.join(', ')}`;
  }
  if (read !== undefined && !isReadPreference(read)) {
    return `the read preference of its migration is none of ${READ_PREFERENCES.join(', ')}`;
  }
  if (!isExposure(compared)) return `compared of its migration is no whole number from 0 to ${EXPOSURE_WHOLE}`;
  if (deadlineMs !== undefined && !isNumberWithin(deadlineMs, DEADLINE_MS.least, DEADLINE_MS.most)) {
    return `deadlineMs of its migration is no number from ${DEADLINE_MS.least} to ${DEADLINE_MS.most}`;
  }
  return breakAbove === undefined || isExposure(breakAbove)
    ? undefined
    : `breakAbove of its migration is no whole number from 0 to ${EXPOSURE_WHOLE}`;
}

/** How names of variants are written: kebab-case from a letter on. */
export const VARIANT_NAME = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;

function variantsComplaint(variants: unknown): Complaint {
  if (variants === undefined) return undefined;
  if (!Array.isArray(variants) || variants.length > VARIANT_LIMIT) {
    return `variants is no list of at most ${VARIANT_LIMIT}`;
  }
  const names = new Set<string>();
  let whole = 0;
  for (const variant of variants) {
    if (!isFields(variant)) return 'a variant is no object';
    const { name, weight } = variant as Record<keyof FlagVariant, unknown>;
    if (typeof name !== 'string' || !VARIANT_NAME.test(name)) return 'the name of a variant is not in kebab-case';
    if (name === CONTROL || names.has(name)) return `'${name}' cannot be the name of another variant`;
    if (!isExposure(weight)) return `the weight of a variant is no whole number from 0 to ${EXPOSURE_WHOLE}`;
    names.add(name);
    whole += weight as number;
  }
  return whole === EXPOSURE_WHOLE || variants.length === 0
    ? undefined
    : `the weights of its variants are ${whole} together, not ${EXPOSURE_WHOLE}`;
}

function overridesComplaint(overrides: unknown): Complaint {
  if (!isFields(overrides)) return 'overrides is no object';
  const { candidate, legacy } = overrides as Record<keyof FlagDefinition['overrides'], unknown>;
  return isTexts(candidate) && isTexts(legacy) ? undefined : 'overrides are no lists of texts';
}

function rulesComplaint(rules: unknown): Complaint {
  if (!Array.isArray(rules)) return 'rules is no list';
  for (const rule of rules) {
    if (!isFields(rule)) return 'a rule is no object';
    const { segment, exposure } = rule as Record<'segment' | 'exposure', unknown>;
    if (typeof segment !== 'string') return 'the segment of a rule is no text';
    if (!isExposure(exposure)) return `the exposure of a rule is no whole number from 0 to ${EXPOSURE_WHOLE}`;
  }
  return undefined;
}

function audienceComplaint(audience: unknown): Complaint {
  if (audience === undefined) return undefined;
  if (!isFields(audience)) return 'audience is no object';
  const { segment, exposure } = audience as Record<keyof FlagAudience, unknown>;
  if (typeof segment !== 'string') return 'the segment of the audience is no text';
  return isExposure(exposure)
    ? undefined
    : `the exposure of the audience is no whole number from 0 to ${EXPOSURE_WHOLE}`;
}

function segmentsComplaint(segments: unknown): Complaint {
  if (!isFields(segments)) return 'segments is no object';
  for (const [key, definition] of Object.entries(segments)) {
    const complaint = segmentComplaint(key, definition);
    if (complaint !== undefined) return `segment '${key}': ${complaint}`;
  }
  return undefined;
}

function segmentComplaint(key: string, definition: unknown): Complaint {
  if (!isFields(definition)) return 'is no object';
  const segment = definition as Record<keyof SegmentDefinition, unknown>;
  if (segment.key !== key) return 'its key differs from the name it is listed under';
  if (!Array.isArray(segment.conditions)) return 'conditions is no list';
  for (const condition of segment.conditions) {
    const complaint = conditionComplaint(condition);
    if (complaint !== undefined) return complaint;
  }
  return undefined;
}

function conditionComplaint(condition: unknown): Complaint {
  if (!isFields(condition)) return 'a condition is no object';
  const { attribute, operator, values, value } = condition as Record<
    'attribute' | 'operator' | 'values' | 'value',
    unknown
  >;
  if (typeof attribute !== 'string') return 'the attribute of a condition is no text';
  switch (operator) {
    case 'in':
    case 'notIn':
      return isList(values, isAttributeValue)
        ? undefined
        : `the values of '${attribute}' are no texts, numbers or booleans`;
    case 'startsWith':
    case 'endsWith':
      return isTexts(values) ? undefined : `the values of '${attribute}' are no texts`;
    case 'atLeast':
    case 'atMost':
    case 'above':
    case 'below':
      return typeof value === 'number' ? undefined : `the value of '${attribute}' is no number`;
    case 'after':
    case 'before':
    case 'versionIs':
    case 'versionAtLeast':
    case 'versionAtMost':
    case 'versionAbove':
    case 'versionBelow':
      return typeof value === 'string' ? undefined : `the value of '${attribute}' is no text`;
    default:
      return typeof operator === 'string' ? undefined : 'the operator of a condition is no text';
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isStage(value: unknown): boolean {
  return (MIGRATION_STAGES as readonly unknown[]).includes(value);
}

function isReadPreference(value: unknown): boolean {
  return (READ_PREFERENCES as readonly unknown[]).includes(value);
}

function isVersion(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isExposure(value: unknown): boolean {
  return Number.isInteger(value) && isNumberWithin(value, 0, EXPOSURE_WHOLE);
}

function isNumberWithin(value: unknown, least: number, most: number): boolean {
  return typeof value === 'number' && value >= least && value <= most;
}

function isAttributeValue(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function isTexts(value: unknown): boolean {
  return isList(value, isText);
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function isList(value: unknown, isItem: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(isItem);
}
