import type { z } from 'zod';
import { nearest } from './did-you-mean.ts';
import { PLAN_LIMITS } from './limits.ts';
import type { Path, Problems } from './problems.ts';
import {
  type OutlineSource,
  outlineSchema,
  type PartName,
  type PartSource,
  type PhaseSource,
  partSchemas,
  phaseSchema,
} from './source-schema.ts';
import { reportIssues } from './zod-problems.ts';

/** A plan's own words, and its parts entry by entry: what has a wrong shape is told, and only that is missing. */
export interface Outline {
  readonly plan: string;
  readonly title: string | undefined;
  readonly cohort: string;
  readonly salt: string | undefined;
  readonly launch: string | undefined;
  readonly traffic: OutlineSource['traffic'];
  readonly rollback: OutlineSource['rollback'];
  readonly signals: ReadonlyMap<string, unknown>;
  readonly parts: { readonly [Part in PartName]: ReadonlyMap<string, PartSource<Part>> };
  /** Every name that is written, of broken entries too. */
  readonly names: { readonly [Part in PartName]: ReadonlySet<string> };
  /** Parts of which nobody can tell what they define, so that no reference into them can be judged. */
  readonly uncertain: ReadonlySet<string>;
  readonly phases: readonly OutlinePhase[];
}

export interface OutlinePhase {
  readonly path: Path;
  /** Its name as far as one can tell. */
  readonly name: string | null;
  readonly source: PhaseSource | null;
}

type Kept = { readonly [Key in keyof OutlineSource]?: OutlineSource[Key] };

/** Reads the outline of a plan, or null where the source is not even a map. */
export function readOutline(problems: Problems, source: unknown): Outline | null {
  if (!isMap(source)) {
    problems.add({ path: [], code: 'empty', message: 'this is not a plan', mend: "begin with 'plan: its-name'" });
    return null;
  }
  const parsed = outlineSchema.safeParse(source, { reportInput: true });
  if (!parsed.success) reportIssues(problems, [], parsed.error.issues, outlineSchema);
  const kept = parsed.success ? parsed.data : keepValid(source);
  const parts = readParts(problems, kept);
  return {
    plan: kept.plan ?? 'unnamed',
    title: kept.title,
    cohort: kept.cohort ?? 'userId',
    salt: kept.salt,
    launch: kept.launch,
    traffic: kept.traffic,
    rollback: kept.rollback,
    signals: namedEntries(problems, 'signals', kept.signals),
    ...parts,
    uncertain: uncertainParts(source, kept),
    phases: (kept.phases ?? []).map((phase, index) => readPhase(problems, ['phases', index], phase)),
  };
}

/** What of a broken top level can be read all the same. */
function keepValid(source: Readonly<Record<string, unknown>>): Kept {
  const entries = Object.entries(outlineSchema.shape).flatMap(([key, schema]) => {
    const parsed = Object.hasOwn(source, key) ? schema.safeParse(source[key]) : null;
    return parsed?.success ? [[key, parsed.data] as const] : [];
  });
  return Object.fromEntries(entries);
}

function uncertainParts(source: Readonly<Record<string, unknown>>, kept: Kept): ReadonlySet<string> {
  const known = Object.keys(outlineSchema.shape);
  const unread = Object.keys(source).filter((key) => !Object.hasOwn(kept, key));
  return new Set(unread.map((key) => nearest(key, known) ?? key));
}

function readParts(problems: Problems, kept: Kept): Pick<Outline, 'parts' | 'names'> {
  const raw = <Part extends PartName>(part: Part) => namedEntries(problems, part, kept[part]);
  const entries = {
    gates: raw('gates'),
    risks: raw('risks'),
    segments: raw('segments'),
    flags: raw('flags'),
    people: raw('people'),
    channels: raw('channels'),
    messages: raw('messages'),
    windows: raw('windows'),
    contingencies: raw('contingencies'),
  };
  const read = <Part extends PartName>(part: Part) => readEntries(problems, part, entries[part]);
  const parts = {
    gates: read('gates'),
    risks: read('risks'),
    segments: read('segments'),
    flags: read('flags'),
    people: read('people'),
    channels: read('channels'),
    messages: read('messages'),
    windows: read('windows'),
    contingencies: read('contingencies'),
  };
  const names = (part: PartName): ReadonlySet<string> => new Set(entries[part].keys());
  return {
    parts,
    names: {
      gates: names('gates'),
      risks: names('risks'),
      segments: names('segments'),
      flags: names('flags'),
      people: names('people'),
      channels: names('channels'),
      messages: names('messages'),
      windows: names('windows'),
      contingencies: names('contingencies'),
    },
  };
}

/** Names stand in conditions, ids and addresses; those of people are free. */
const ENTRY_NAME = /^[a-z0-9][\w.-]{0,199}$/i;

function namedEntries(
  problems: Problems,
  part: PartName | 'signals',
  source: Readonly<Record<string, unknown>> | undefined,
): ReadonlyMap<string, unknown> {
  const entries = Object.entries(source ?? {});
  if (entries.length > PLAN_LIMITS[part]) {
    const message = `${entries.length} ${part} are too many`;
    problems.add({ path: [part], code: 'too-many', message, mend: `${PLAN_LIMITS[part]} is the most`, atKey: true });
  }
  for (const [name] of entries) {
    if (part === 'people' ? name.trim() !== '' : ENTRY_NAME.test(name)) continue;
    const message = `'${name}' cannot be a name in ${part}`;
    const mend = 'begin with a letter or digit, and go on with letters, digits and - _ .';
    problems.add({ path: [part, name], code: 'invalid-name', message, mend, atKey: true });
  }
  return new Map(entries);
}

function readEntries<Part extends PartName>(
  problems: Problems,
  part: Part,
  entries: ReadonlyMap<string, unknown>,
): ReadonlyMap<string, PartSource<Part>> {
  const schema: z.ZodType = partSchemas[part];
  const read = new Map<string, PartSource<Part>>();
  for (const [name, source] of entries) {
    const entry = readLeniently(problems, [part, name], schema, source);
    if (entry !== undefined) read.set(name, entry as PartSource<Part>);
  }
  return read;
}

function readPhase(problems: Problems, path: Path, source: unknown): OutlinePhase {
  const named = isMap(source) && typeof source['phase'] === 'string' ? source['phase'] : null;
  return { path, name: named, source: readLeniently(problems, path, phaseSchema, source) ?? null };
}

/**
 * Reads a value by its schema and tells all that is wrong with it. Where only keys or optional values are wrong, the
 * rest is given back, so that its own mistakes are found in the same go; else undefined.
 */
export function readLeniently<Schema extends z.ZodType>(
  problems: Problems,
  path: Path,
  schema: Schema,
  source: unknown,
): z.output<Schema> | undefined {
  const first = schema.safeParse(source, { reportInput: true });
  if (first.success) return first.data;
  reportIssues(problems, path, first.error.issues, schema);
  if (!isMap(source)) return undefined;
  const rest = structuredCopy(source) as Record<string, unknown>;
  for (const issue of first.error.issues) {
    const parent = valueAt(rest, issue.code === 'unrecognized_keys' ? issue.path : issue.path.slice(0, -1));
    const wrong = issue.code === 'unrecognized_keys' ? issue.keys : issue.path.slice(-1).map(String);
    if (isMap(parent)) for (const key of wrong) delete parent[key];
  }
  const second = schema.safeParse(rest);
  return second.success ? second.data : undefined;
}

function structuredCopy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(structuredCopy);
  if (!isMap(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, structuredCopy(item)]));
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((at, key) => {
    if (Array.isArray(at)) return at[Number(key)];
    return isMap(at) && Object.hasOwn(at, key) ? at[String(key)] : undefined;
  }, value);
}

export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
