import type { z } from 'zod';
import { suggest } from './did-you-mean.ts';
import type { Path, Problems } from './problems.ts';

/** Tells the issues of a schema in the words of the plan. `keysAt` lists what is allowed where a key is unknown. */
export function reportIssues(problems: Problems, base: Path, issues: readonly z.core.$ZodIssue[], keys: readonly string[]): void {
  for (const issue of issues) reportIssue(problems, base, issue, keys);
}

function reportIssue(problems: Problems, base: Path, issue: z.core.$ZodIssue, keys: readonly string[]): void {
  const path = [...base, ...issue.path.filter((part): part is string | number => typeof part !== 'symbol')];
  switch (issue.code) {
    case 'unrecognized_keys':
      for (const key of issue.keys) {
        const known = issue.path.length === 0 ? keys : [];
        const mend = known.length > 0 ? suggest(key, known) : 'remove it, or look at the reference for what is allowed here';
        problems.add({ path: [...path, key], code: 'unknown-key', message: `unknown key '${key}'`, mend, atKey: true });
      }
      return;
    case 'invalid_type':
      return missingOrWrong(problems, path, issue);
    case 'invalid_union':
      return reportUnion(problems, base, path, issue);
    case 'invalid_value': {
      const values = issue.values.map(String);
      const given = typeof issue.input === 'string' ? issue.input : '';
      problems.add({ path, code: 'invalid-value', message: `${describe(issue.input)} is not allowed here`, mend: suggest(given, values) });
      return;
    }
    case 'too_big':
    case 'too_small':
      problems.add({ path, code: 'wrong-size', message: `${lastOf(path)} has the wrong size`, mend: issue.message.toLowerCase() });
      return;
    default:
      problems.add({ path, code: 'invalid-value', message: `${lastOf(path)} is not valid`, mend: issue.message });
  }
}

function missingOrWrong(problems: Problems, path: Path, issue: Extract<z.core.$ZodIssue, { code: 'invalid_type' }>): void {
  if (issue.input === undefined) {
    const key = lastOf(path);
    problems.add({ path, code: 'missing-key', message: `'${key}' is missing`, mend: `add '${key}:' with a ${issue.expected}` });
    return;
  }
  const message = `${lastOf(path)} must be a ${issue.expected}, not ${describe(issue.input)}`;
  const mend = issue.expected === 'string' ? 'put it in quotes, or add its unit' : `write a ${issue.expected}`;
  problems.add({ path, code: 'wrong-type', message, mend });
}

/** Of a union, the branch that went furthest is what was meant. */
function reportUnion(problems: Problems, base: Path, path: Path, issue: Extract<z.core.$ZodIssue, { code: 'invalid_union' }>): void {
  const branches = issue.errors.filter((errors) => !errors.every((error) => error.code === 'invalid_type' && error.path.length === 0));
  const meant = branches.toSorted((left, right) => left.length - right.length)[0];
  if (meant === undefined) {
    const expected = [...new Set(issue.errors.flat().map((error) => ('expected' in error ? error.expected : '')))].filter(Boolean);
    const message = `${lastOf(path)} must be a ${expected.join(' or ')}, not ${describe(issue.input)}`;
    problems.add({ path, code: 'wrong-type', message, mend: `write a ${expected.join(' or ')}` });
    return;
  }
  reportIssues(problems, base.concat(path.slice(base.length)), meant, []);
}

function describe(input: unknown): string {
  if (input === null) return 'nothing';
  if (Array.isArray(input)) return 'a list';
  if (typeof input === 'object') return 'a map';
  return `'${String(input)}'`;
}

function lastOf(path: Path): string {
  return String(path.at(-1) ?? 'the plan');
}
