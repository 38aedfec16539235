import { type FlagDefinition, type LatencyMarks, splitVersion } from '@theseus/core/flag';
import { canonicalJson } from '@theseus/core/plan';
import type { Client } from '../ports/database.ts';
import { FLAGS_CHANNEL, nextVersion } from './flag-version.ts';

interface StoredFlag {
  readonly key: string;
  readonly definition: FlagDefinition;
}

/** Under which version flags of an environment are written, and which of its segments have just changed. */
interface FlagWrite {
  readonly environment: string;
  readonly version: number;
  readonly changedSegments: ReadonlySet<string>;
}

/**
 * The definitions with what comparing needs: the marks of legacy's latency, the version at which who takes which arm, or
 * what counts as slow, last changed, and the version at which only the former did.
 */
export async function withEpochs(
  client: Client,
  { environment, version, changedSegments }: FlagWrite,
  definitions: readonly FlagDefinition[],
): Promise<readonly FlagDefinition[]> {
  const keys = definitions.map(({ key }) => key);
  const stored = await storedFlags(client, environment, keys);
  const marks = await knownMarks(client, environment, keys);
  return definitions.map((definition) => {
    const known = marks.get(definition.key);
    const next = known === undefined ? definition : { ...definition, marks: known };
    const before = stored.get(definition.key);
    const isMoved = segmentsOf(next).some((segment) => changedSegments.has(segment));
    if (before?.epoch === undefined || isMoved || splitText(before) !== splitText(next)) {
      return { ...next, epoch: version, split: version };
    }
    const split = splitVersion(before);
    return { ...next, epoch: isSameMarks(before, next) ? before.epoch : version, split };
  });
}

/** Tells evaluators of marks that were just fixed, by a new version of each environment they belong to. */
export async function publishMarks(
  client: Client,
  marked: readonly { readonly environment: string; readonly flag: string }[],
): Promise<void> {
  for (const environment of new Set(marked.map((each) => each.environment))) {
    const keys = marked.filter((each) => each.environment === environment).map(({ flag }) => flag);
    if ((await storedFlags(client, environment, keys)).size === 0) continue;
    const version = await nextVersion(client, environment);
    // Read again: until the version was ours alone, a run may have written them.
    const stored = [...(await storedFlags(client, environment, keys)).values()];
    const definitions = await withEpochs(client, { environment, version, changedSegments: new Set() }, stored);
    await client.query(
      `update theseus.flag as known set definition = new.definition, version = $2
       from unnest($3::text[], $4::json[]) as new (key, definition)
       where known.environment = $1 and known.key = new.key`,
      [environment, version, definitions.map(({ key }) => key), definitions.map((each) => JSON.stringify(each))],
    );
    await client.query('select pg_notify($1, $2)', [FLAGS_CHANNEL, String(version)]);
  }
}

/** The segments on which the arm of a subject depends. */
function segmentsOf({ rules, audience }: FlagDefinition): readonly string[] {
  return [...rules.map(({ segment }) => segment), ...(audience === undefined ? [] : [audience.segment])];
}

/** Everything on which the arm and the variant of a subject depend, as text. */
function splitText(definition: FlagDefinition): string {
  const { enabled, cohort, salt, exposure, requires, overrides, rules, audience, variants } = definition;
  return canonicalJson({ enabled, cohort, salt, exposure, requires, overrides, rules, audience, variants });
}

function isSameMarks(before: FlagDefinition, next: FlagDefinition): boolean {
  return canonicalJson(before.marks ?? null) === canonicalJson(next.marks ?? null);
}

async function storedFlags(
  client: Client,
  environment: string,
  keys: readonly string[],
): Promise<ReadonlyMap<string, FlagDefinition>> {
  const { rows } = await client.query<StoredFlag>(
    'select key, definition from theseus.flag where environment = $1 and key = any($2)',
    [environment, keys],
  );
  return new Map(rows.map(({ key, definition }) => [key, definition]));
}

async function knownMarks(
  client: Client,
  environment: string,
  keys: readonly string[],
): Promise<ReadonlyMap<string, LatencyMarks>> {
  const { rows } = await client.query<{ flag: string; body_ms: number; tail_ms: number }>(
    `select flag, body_ms, tail_ms from theseus.comparison
     where environment = $1 and flag = any($2) and body_ms is not null and tail_ms is not null`,
    [environment, keys],
  );
  return new Map(rows.map(({ flag, body_ms: bodyMs, tail_ms: tailMs }) => [flag, { bodyMs, tailMs }]));
}
