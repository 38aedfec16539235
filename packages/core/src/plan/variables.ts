import { suggest } from './did-you-mean.ts';
import { PLAN_LIMITS } from './limits.ts';
import type { Path, Problems } from './problems.ts';

/** Takes whatever stands there for the name, so that one which cannot be is told and not left as it is. */
const VARIABLE = /\$\{\{\s*vars\.([^{}]*)\}\}/g;
const SECRET = /\$\{\{\s*env\.([^{}]*)\}\}/;

/**
 * Fills `${{ vars.name }}` into every text of the source, from the plan's own `variables` and what was given over them.
 * Secrets (`${{ env.NAME }}`) stay as references and may stand only in addresses.
 */
export function fillVariables(problems: Problems, source: unknown, given: Readonly<Record<string, string>>): unknown {
  const own = isMap(source) && isMap(source['variables']) ? source['variables'] : {};
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(own, name)) continue;
    const message = `the plan has no variable '${name}'`;
    problems.add({ path: ['variables'], code: 'unknown-variable', message, mend: suggest(name, Object.keys(own)) });
  }
  tellNested(problems, { own, given });
  return fill(problems, source, [], { own, given });
}

/** Addresses, which are filled in only where they are used. */
function mayHoldSecret(path: Path): boolean {
  const last = path.at(-1);
  if (path[0] === 'phases' && last === 'postgres') return true;
  return path[0] === 'channels' || last === 'http' || (path[0] === 'signals' && (last === 'at' || last === 'database'));
}

/** Values are filled in once: what one of them holds would stay as it is written. */
function tellNested(problems: Problems, { own, given }: Values): void {
  for (const [name, value] of Object.entries({ ...own, ...given })) {
    if (typeof value !== 'string' || !value.includes('${{')) continue;
    const message = `the value of '${name}' holds a '\${{', which is not filled in there`;
    const mend = 'write the value out, and put both where they are used';
    problems.add({ path: ['variables', name], code: 'nested-variable', message, mend });
  }
}

interface Values {
  readonly own: Readonly<Record<string, unknown>>;
  readonly given: Readonly<Record<string, string>>;
}

function fill(problems: Problems, value: unknown, path: Path, values: Values): unknown {
  if (path.length > PLAN_LIMITS.depth) {
    const mend = `${PLAN_LIMITS.depth} levels are the most`;
    problems.add({ path: path.slice(0, 1), code: 'too-deep', message: 'this is nested too deeply', mend, atKey: true });
    return null;
  }
  if (typeof value === 'string') return fillText(problems, value, path, values);
  if (Array.isArray(value)) return value.map((item, index) => fill(problems, item, [...path, index], values));
  if (!isMap(value)) return value;
  const entries = Object.entries(value).flatMap(([key, item]) => {
    if (key !== '__proto__')
      return [[fillText(problems, key, path, values), fill(problems, item, [...path, key], values)] as const];
    const at = [...path, key];
    problems.add({
      path: at,
      code: 'invalid-name',
      message: `'${key}' cannot be a name`,
      mend: 'choose another',
      atKey: true,
    });
    return [];
  });
  return Object.fromEntries(entries);
}

function fillText(problems: Problems, text: string, path: Path, { own, given }: Values): string {
  if (path[0] === 'variables') return text;
  const secret = SECRET.exec(text);
  if (secret !== null && !mayHoldSecret(path)) {
    const message = `the secret '${secret[1]?.trim()}' may not stand here`;
    problems.add({
      path,
      code: 'secret-place',
      message,
      mend: 'secrets may stand only in addresses of channels, sources and databases',
    });
  }
  return text.replace(VARIABLE, (whole, written: string) => {
    const name = written.trim();
    const value = Object.hasOwn(given, name) ? given[name] : Object.hasOwn(own, name) ? own[name] : undefined;
    if (typeof value === 'string' || typeof value === 'number') return String(value);
    if (value === null) {
      const message = `variable '${name}' has no value`;
      problems.add({
        path: ['variables', name],
        code: 'missing-variable',
        message,
        mend: `give it one with --set ${name}=…`,
      });
    } else {
      problems.add({
        path,
        code: 'unknown-variable',
        message: `unknown variable '${name}'`,
        mend: suggest(name, Object.keys(own)),
      });
    }
    return whole;
  });
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
