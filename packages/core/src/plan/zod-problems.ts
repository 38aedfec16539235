import { z } from 'zod';
import { nearest, suggest } from './did-you-mean.ts';
import type { Path, Problems } from './problems.ts';

type Issue = z.core.$ZodIssue;
type IssueOf<Code extends Issue['code']> = Extract<Issue, { code: Code }>;

/** Keys of flags that later versions bring; named here so that a plan that wants one is told so. */
const LATER_FLAG_KEYS = ['dualWrite', 'keep', 'performance', 'readPreference'];

/** Tells the issues of a schema in the words of the plan. The schema itself says which keys are allowed where. */
export function reportIssues(problems: Problems, base: Path, issues: readonly Issue[], schema: z.core.$ZodType): void {
  const misspelt = misspeltKeys(issues, schema);
  for (const issue of issues) {
    if (!misspelt.has(placeOf(issue.path)) && !isOfAnotherType(issues, issue))
      reportIssue(problems, base, issue, schema);
  }
}

/** Required keys that are only missing because they are misspelt beside: one mistake is told once. */
function misspeltKeys(issues: readonly Issue[], schema: z.core.$ZodType): ReadonlySet<string> {
  const missing = issues.filter((issue) => issue.code !== 'unrecognized_keys' && issue.input === undefined);
  const places = issues.flatMap((issue) =>
    issue.code !== 'unrecognized_keys'
      ? []
      : issue.keys.map((key) => placeOf([...issue.path, nearest(key, keysAt(schema, issue.path)) ?? ''])),
  );
  return new Set(missing.map(({ path }) => placeOf(path)).filter((place) => places.includes(place)));
}

/** A text where a list belongs is not too long a list as well. */
function isOfAnotherType(issues: readonly Issue[], { code, path }: Issue): boolean {
  const isSize = code === 'too_big' || code === 'too_small';
  return isSize && issues.some((other) => other.code === 'invalid_type' && placeOf(other.path) === placeOf(path));
}

function placeOf(path: readonly PropertyKey[]): string {
  return path.map(String).join('/');
}

function reportIssue(problems: Problems, base: Path, issue: Issue, schema: z.core.$ZodType): void {
  const path = [...base, ...issue.path.filter((part) => typeof part !== 'symbol')];
  switch (issue.code) {
    case 'unrecognized_keys':
      return reportKeys(problems, path, issue, keysAt(schema, issue.path));
    case 'invalid_type':
      return missingOrWrong(problems, path, issue);
    case 'invalid_union':
      return reportUnion(problems, path, issue, schema);
    case 'invalid_value':
      return reportValue(problems, path, issue, schema);
    case 'too_big':
    case 'too_small':
      return reportSize(problems, path, issue);
    default:
      problems.add({ path, code: 'invalid-value', message: `${lastOf(path)} is not valid`, mend: issue.message });
  }
}

function reportSize(problems: Problems, path: Path, issue: IssueOf<'too_big'> | IssueOf<'too_small'>): void {
  const [relation, bound] = issue.code === 'too_big' ? ['at most', issue.maximum] : ['at least', issue.minimum];
  const units: Readonly<Record<string, readonly [one: string, more: string]>> = {
    array: ['entry', 'entries'],
    string: ['character', 'characters'],
  };
  const unit = units[issue.origin]?.[Number(bound) === 1 ? 0 : 1];
  const mend = unit === undefined ? `write a number of ${relation} ${bound}` : `write ${relation} ${bound} ${unit}`;
  problems.add({ path, code: 'wrong-size', message: `${lastOf(path)} has the wrong size`, mend });
}

function reportKeys(
  problems: Problems,
  path: Path,
  issue: IssueOf<'unrecognized_keys'>,
  known: readonly string[],
): void {
  for (const key of issue.keys) {
    const later = path[0] === 'flags' && path.length === 2 && LATER_FLAG_KEYS.includes(key);
    const code = later ? 'not-available' : 'unknown-key';
    const message = later ? `'${key}' of a flag is not available yet` : `unknown key '${key}'`;
    const mend = later ? `remove it; available are: ${known.join(', ')}` : suggest(key, known);
    problems.add({ path: [...path, key], code, message, mend, atKey: true });
  }
}

function reportValue(problems: Problems, path: Path, issue: IssueOf<'invalid_value'>, schema: z.core.$ZodType): void {
  if (issue.input === undefined) return tellMissing(problems, path, issue.values.map(String).join(' or '));
  const values = issue.values.map(String);
  const given = typeof issue.input === 'string' ? issue.input : '';
  const [why] = values.length === 1 ? schemasAt(schema, issue.path).flatMap(describedAs) : [];
  const mend = suggest(given, values) + (why === undefined ? '' : `; ${why}`);
  problems.add({ path, code: 'invalid-value', message: `${describe(issue.input)} is not allowed here`, mend });
}

function missingOrWrong(problems: Problems, path: Path, issue: IssueOf<'invalid_type'>): void {
  const expected = nameOfType(issue.expected);
  if (issue.input === undefined) return tellMissing(problems, path, expected);
  const message = `${lastOf(path)} must be ${expected}, not ${describe(issue.input)}`;
  const mend = issue.expected === 'string' ? 'put it in quotes, or add its unit' : `write ${expected}`;
  problems.add({ path, code: 'wrong-type', message, mend });
}

function tellMissing(problems: Problems, path: Path, expected: string): void {
  const key = lastOf(path);
  problems.add({ path, code: 'missing-key', message: `'${key}' is missing`, mend: `add '${key}:' with ${expected}` });
}

/** Of a union, the branch that went furthest is what was meant. */
function reportUnion(problems: Problems, path: Path, issue: IssueOf<'invalid_union'>, schema: z.core.$ZodType): void {
  if (issue.input === undefined) return tellMissing(problems, path, 'a value');
  const union = schemasAt(schema, issue.path).find((found) => found instanceof z.ZodUnion);
  const [meant] = branchesOf(issue, union ?? schema)
    .filter(({ errors }) => !errors.every(({ code, path: at }) => code !== 'unrecognized_keys' && at.length === 0))
    .toSorted((left, right) => distanceOf(left) - distanceOf(right));
  if (meant !== undefined) {
    const strange = strangeKeys(issue.input, meant);
    if (strange === null) return reportIssues(problems, path, meant.errors, meant.schema);
    return reportKeys(problems, path, strange, keysAt(union ?? schema, []));
  }
  const expected = [...new Set(issue.errors.flat().map(expectedBy))].filter((text) => text !== '').join(' or ');
  const message = `${lastOf(path)} must be ${expected}, not ${describe(issue.input)}`;
  problems.add({ path, code: 'wrong-type', message, mend: `write ${expected}` });
}

interface Branch {
  readonly errors: readonly Issue[];
  readonly schema: z.core.$ZodType;
}

/** What a union allows, and what is wrong with the input by each; a union within it is no branch but several. */
function branchesOf(issue: IssueOf<'invalid_union'>, union: z.core.$ZodType): readonly Branch[] {
  return issue.errors.flatMap((errors, index): readonly Branch[] => {
    const option = (union instanceof z.ZodUnion ? union.options[index] : undefined) ?? union;
    const [only] = errors;
    const isUnion = errors.length === 1 && only?.code === 'invalid_union' && only.path.length === 0;
    return isUnion ? branchesOf(only, option) : [{ errors, schema: option }];
  });
}

/** The unknown keys of a map that has nothing in common with the branch: then no branch was meant more than another. */
function strangeKeys(input: unknown, { errors, schema }: Branch): IssueOf<'unrecognized_keys'> | null {
  const unknown = errors.find((issue) => issue.code === 'unrecognized_keys' && issue.path.length === 0);
  if (unknown?.code !== 'unrecognized_keys' || misspeltKeys(errors, schema).size > 0) return null;
  return unknown.keys.length === Object.keys(input ?? {}).length ? unknown : null;
}

/** How far what was written is from a branch: a misspelt key counts less than a key of another branch. */
function distanceOf({ errors, schema }: Branch): number {
  const misspelt = misspeltKeys(errors, schema).size;
  return errors.length - 2 * misspelt;
}

function expectedBy(issue: Issue): string {
  if (issue.code === 'invalid_type') return nameOfType(issue.expected);
  return issue.code === 'invalid_value' ? issue.values.map(String).join(' or ') : '';
}

/** The keys that objects at the path may have. */
function keysAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): readonly string[] {
  const found = schemasAt(schema, path).flatMap((at) => (at instanceof z.ZodObject ? Object.keys(at.shape) : []));
  return [...new Set(found)];
}

/** Every schema that may stand at the path: each branch of a union counts, and the union itself. */
function schemasAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): readonly z.core.$ZodType[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) return schemasAt(schema.unwrap(), path);
  if (schema instanceof z.ZodUnion) {
    const inside = schema.options.flatMap((option) => schemasAt(option, path));
    return path.length === 0 ? [schema, ...inside] : inside;
  }
  const [key, ...rest] = path;
  if (key === undefined) return [schema];
  if (schema instanceof z.ZodArray) return schemasAt(schema.element, rest);
  if (schema instanceof z.ZodRecord) return schemasAt(schema.valueType, rest);
  if (!(schema instanceof z.ZodObject)) return [];
  const next: z.core.$ZodType | undefined = schema.shape[String(key)];
  return next === undefined ? [] : schemasAt(next, rest);
}

function describedAs(schema: z.core.$ZodType): readonly string[] {
  return schema instanceof z.ZodType && schema.description !== undefined ? [schema.description] : [];
}

const TYPE_NAMES: ReadonlyMap<string, string> = new Map([
  ['array', 'a list'],
  ['boolean', 'true or false'],
  ['int', 'a whole number'],
  ['object', 'a map'],
  ['record', 'a map'],
  ['string', 'a text'],
]);

function nameOfType(type: string): string {
  return TYPE_NAMES.get(type) ?? `a ${type}`;
}

function describe(input: unknown): string {
  if (input === null) return 'nothing';
  if (Array.isArray(input)) return 'a list';
  if (typeof input === 'object') return 'a map';
  return `'${String(input)}'`;
}

function lastOf(path: Path): string {
  const last = path.at(-1);
  return typeof last === 'number' ? `entry ${last + 1} of ${lastOf(path.slice(0, -1))}` : (last ?? 'the plan');
}
