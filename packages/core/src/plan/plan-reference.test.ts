import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { planJsonSchema } from './json-schema.ts';
import { PLAN_LIMITS } from './limits.ts';
import { formatDiagnostic, parsePlan } from './parse-plan.ts';

const page = readFileSync(new URL('../../../../docs/reference/plan.md', import.meta.url), 'utf8');

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly [key: string]: unknown;
}

/** The schemas of maps at a path: `*` goes to the entries of a map or a list. */
function mapsAt(schema: Schema, path: readonly string[]): readonly Schema[] {
  if (schema.anyOf) return schema.anyOf.flatMap((branch) => mapsAt(branch, path));
  const [key, ...rest] = path;
  if (key === undefined) return schema.properties ? [schema] : [];
  const next = key === '*' ? (schema.items ?? schema.additionalProperties) : schema.properties?.[key];
  return typeof next === 'object' ? mapsAt(next, rest) : [];
}

const schema = planJsonSchema() as Schema;
const STEPS = ['phases', '*', 'steps', '*'];
const keysOf = (map: Schema): readonly string[] => Object.keys(map.properties ?? {});
/** The keys of the one map at a path that has the key. */
function keysWith(path: readonly string[], key: string): readonly string[] {
  const found = mapsAt(schema, path).filter((map) => keysOf(map).includes(key));
  if (found.length === 0) throw new Error(`no map with ${key} at ${path.join('.')}`);
  return keysOf(found[0] ?? {});
}
const COMMON = keysWith(STEPS, 'wait').filter((key) => key !== 'wait');
function stepKeys(kind: string): readonly string[] {
  const steps = mapsAt(schema, STEPS).filter((step) => keysOf(step).includes(kind));
  // `run` and `approve` also stand in steps of other kinds, after that kind's own key.
  const own = steps.find((step) => keysOf(step)[0] === kind) ?? {};
  return keysOf(own).filter((key) => !COMMON.includes(key));
}

const SECTIONS: Readonly<Record<string, readonly string[]>> = {
  'The top': keysOf(schema),
  Gates: keysWith(['gates', '*'], 'rules'),
  Risks: keysWith(['risks', '*'], 'through'),
  Approvals: keysWith(['risks', '*', 'approve'], 'by'),
  Person: keysWith(['people', '*'], 'roles'),
  'Segment operators': keysWith(['segments', '*', '*'], 'in'),
  Flags: keysWith(['flags', '*'], 'requires'),
  Migration: keysWith(['flags', '*', 'migration'], 'compare'),
  'Flag cohort': keysWith(['flags', '*', 'cohort'], 'count'),
  'Flag segments': keysWith(['flags', '*', 'segments', '*'], 'exposure'),
  Phases: keysWith(['phases', '*'], 'steps'),
  Undo: keysWith([...STEPS, 'undo'], 'try'),
  Contingencies: keysWith(['contingencies', '*'], 'do'),
  'What a rollback does beyond taking back': keysWith(['rollback'], 'afterwards'),
  Environments: keysWith(['environments', '*'], 'after'),
  'Every step': COMMON,
  'Probe: http': keysWith([...STEPS, 'check'], 'http'),
  'Probe: command': keysWith([...STEPS, 'check'], 'run'),
  ...Object.fromEntries(
    ['telemetry', 'http', 'command', 'reported', 'prometheus', 'sql', 'alert', 'goal'].map((kind) => [
      `Signal: ${kind}`,
      keysWith(['signals', '*'], kind),
    ]),
  ),
  ...Object.fromEntries(['webhook', 'console'].map((kind) => [`Channel: ${kind}`, keysWith(['channels', '*'], kind)])),
  ...Object.fromEntries(
    mapsAt(schema, STEPS).map((step) => {
      const kind = keysOf(step)[0] ?? '';
      return [`Step: ${kind}`, stepKeys(kind)];
    }),
  ),
};

/** The page by heading: the keys that its table of keys lists. */
function documentedKeys(): ReadonlyMap<string, readonly string[]> {
  const sections = page.split(/^#{2,3} /m).slice(1);
  const entries = sections.map((section) => {
    const [heading = ''] = section.split('\n', 1);
    const table = section.split('| key | what it is |')[1]?.split('\n\n', 1)[0] ?? '';
    return [heading, [...table.matchAll(/^\| `([\w-]+)` \|/gm)].map(([, key = '']) => key)] as const;
  });
  return new Map(entries.filter(([, keys]) => keys.length > 0));
}

const blocks = [...page.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, text = '']) => text);
const whole = blocks.find((text) => text.startsWith('plan:')) ?? '';

/** A part of a plan put into the first example of the page, as a reader would. */
function completed(block: string): string {
  if (block.startsWith('plan:')) return block;
  const base = parse(whole);
  const part: unknown = parse(block);
  if (!Array.isArray(part)) return stringify({ ...base, ...(part as object) });
  const isOwnRamp = part.some((step) => step.ramp === 'cache');
  const steps = isOwnRamp ? part : [...base.phases[0].steps, ...part];
  return stringify({ ...base, launch: '2026-05-05T09:00:00Z', phases: [{ phase: 'move', steps }] });
}

describe('docs/reference/plan.md', () => {
  it('has a table for every map of the language', () => {
    expect([...documentedKeys().keys()].toSorted()).toEqual(Object.keys(SECTIONS).toSorted());
  });

  it.each(Object.entries(SECTIONS))('lists every key of "%s", and no other', (heading, keys) => {
    expect(documentedKeys().get(heading)?.toSorted()).toEqual(keys.toSorted());
  });

  it.each(blocks.map((block) => [block.split('\n', 2).join(' '), block]))('reads the example %s', (_title, block) => {
    const variables = block.includes('region: null') ? { region: 'eu' } : {};
    const environment = block.includes('environments:') ? { environment: 'production' } : {};
    const { diagnostics } = parsePlan(completed(block), { file: 'plan.md', variables, ...environment });
    expect(diagnostics.filter(({ severity }) => severity === 'error').map(formatDiagnostic)).toEqual([]);
  });

  it('states the limits that are kept', () => {
    const spaced = (limit: number) => limit.toLocaleString('en').replaceAll(',', ' ');
    const { fileLength, phases, stepsPerPhase, steps, flags } = PLAN_LIMITS;
    for (const limit of [fileLength, phases, stepsPerPhase, steps, flags]) {
      expect(page.slice(page.indexOf('## Limits'))).toContain(spaced(limit));
    }
  });
});
