import { DEFAULT_ENVIRONMENT, isEnvironmentName } from '../flag/index.ts';
import { suggest } from './did-you-mean.ts';
import { findCycles } from './find-cycle.ts';
import type { Path, Problems } from './problems.ts';
import { isMap, readLeniently } from './read-outline.ts';
import { environmentSchema } from './source-schema.ts';

/** What an environment may replace or add to, entry by entry. */
const PARTS = ['variables', 'signals', 'gates', 'risks', 'people', 'channels', 'windows'] as const;

export interface ChosenEnvironment {
  readonly name: string;
  readonly after: string | null;
  /** The plan as it is there: entries of the environment over those of the plan. */
  readonly source: unknown;
}

/** The names of the environments a plan's source lists; empty where it lists none. */
export function environmentsOf(source: unknown): readonly string[] {
  return isMap(source) && isMap(source['environments']) ? Object.keys(source['environments']) : [];
}

/**
 * Puts an environment's own entries over the plan's, and has their problems told where they stand.
 * A plan with environments must be told which; null after telling that it was not.
 */
export function chooseEnvironment(
  problems: Problems,
  source: unknown,
  wanted: string | undefined,
): ChosenEnvironment | null {
  const names = environmentsOf(source);
  const tell = (path: Path, code: string, message: string, mend: string): void =>
    problems.add({ path, code, message, mend, atKey: true });
  if (!isMap(source) || (names.length === 0 && wanted === undefined)) {
    return { name: DEFAULT_ENVIRONMENT, after: null, source };
  }
  if (wanted === undefined) {
    tell(
      ['environments'],
      'missing-environment',
      'no environment was chosen',
      `choose one with --env: ${names.join(', ')}`,
    );
    return null;
  }
  if (!names.includes(wanted)) {
    const at = names.length === 0 ? [] : ['environments'];
    tell(at, 'unknown-environment', `the plan has no environment '${wanted}'`, suggest(wanted, names));
    return null;
  }
  for (const name of names) {
    if (isEnvironmentName(name)) continue;
    const mend = 'write it in kebab-case with at most 60 characters, such as staging or eu-production';
    tell(['environments', name], 'invalid-name', `'${name}' cannot be an environment`, mend);
  }
  const written = (source['environments'] as Record<string, unknown>)[wanted];
  const own = readLeniently(problems, ['environments', wanted], environmentSchema, written ?? {}) ?? {};
  const after = own.after ?? null;
  if (after !== null && (!names.includes(after) || after === wanted)) {
    const others = names.filter((name) => name !== wanted);
    tell(
      ['environments', wanted, 'after'],
      'unknown-environment',
      `'${after}' cannot go before '${wanted}'`,
      suggest(after, others),
    );
  }
  const circle = circleOf(source['environments'], wanted);
  if (circle !== null) {
    const message = `these environments wait for each other: ${circle.join(' → ')}`;
    tell(['environments', wanted, 'after'], 'cycle', message, 'remove one of the arrows');
  }
  return { name: wanted, after, source: overlaid(problems, source, own, ['environments', wanted]) };
}

/** The circle of environments that a plan can start in none of, where this one is in it; one that names itself is told. */
function circleOf(environments: unknown, wanted: string): readonly string[] | null {
  const edges = Object.entries(isMap(environments) ? environments : {}).map(([name, own]) => {
    const after = isMap(own) ? own['after'] : undefined;
    return [name, typeof after === 'string' ? [after] : []] as const;
  });
  const circles = findCycles(new Map(edges)).filter((circle) => circle.length > 2);
  return circles.find((circle) => circle.includes(wanted)) ?? null;
}

function overlaid(
  problems: Problems,
  source: Readonly<Record<string, unknown>>,
  own: Readonly<Record<string, unknown>>,
  place: Path,
): unknown {
  const { environments: _others, ...plan } = source;
  const result: Record<string, unknown> = { ...plan };
  for (const part of PARTS) {
    const entries = own[part];
    if (!isMap(entries)) continue;
    const before = isMap(plan[part]) ? plan[part] : {};
    result[part] = { ...before, ...entries };
    for (const name of Object.keys(entries)) problems.standsAt([part, name], [...place, part, name]);
  }
  for (const word of ['launch', 'traffic']) {
    if (own[word] === undefined) continue;
    result[word] = own[word];
    problems.standsAt([word], [...place, word]);
  }
  return result;
}
