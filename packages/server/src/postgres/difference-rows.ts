import type { DifferenceKind, DifferencePath, DifferenceSample, DifferenceTelemetry } from '@theseus/core/health';
import type { Client } from '../ports/database.ts';
import { type InstanceRow, keyOf, type PlacedBatch } from './instance-rows.ts';

/** What is found beyond so many places of one flag is counted under {@link ELSEWHERE}. */
const PATHS_LIMIT = 100;
const SAMPLES_LIMIT = 5;
const ELSEWHERE = '…';

/** What is new of the shadow reads of one flag. */
export interface DifferenceGrowth extends Omit<DifferenceTelemetry, 'paths'> {
  readonly environment: string;
  readonly flag: string;
  /** By kind and path. */
  readonly paths: ReadonlyMap<string, DifferencePath>;
}

/**
 * What these batches add to what is known of their instances. Counters only grow, so that a batch may be repeated or an
 * earlier one lost.
 */
export function differenceGrowth(
  batches: readonly PlacedBatch[],
  known: ReadonlyMap<string, InstanceRow>,
): readonly DifferenceGrowth[] {
  const growth = new Map<string, DifferenceGrowth>();
  for (const batch of batches) {
    const { environment } = batch;
    for (const [flag, { differences }] of Object.entries(batch.flags)) {
      if (differences === undefined) continue;
      const before = known.get(keyOf(batch))?.counters[flag]?.differences;
      const key = `${environment} ${flag}`;
      growth.set(key, add(growth.get(key) ?? nothingNew(environment, flag), differences, before));
    }
  }
  // Rows are locked in one order, whoever comes.
  return [...growth.values()].filter(hasGrown).sort((left, right) => (placeOf(left) < placeOf(right) ? -1 : 1));
}

/** Adds what is new, in the transaction that takes the batches in. */
export async function addDifferences(client: Client, growth: readonly DifferenceGrowth[]): Promise<void> {
  for (const flag of growth) {
    await addTotals(client, flag);
    if (flag.paths.size > 0) await addPaths(client, flag);
  }
}

function placeOf({ environment, flag }: DifferenceGrowth): string {
  return `${environment} ${flag}`;
}

function nothingNew(environment: string, flag: string): DifferenceGrowth {
  const none = { compared: 0, equal: 0, different: 0, dropped: 0, timedOut: 0, shadowFailed: 0 };
  return { environment, flag, ...none, paths: new Map() };
}

function hasGrown(growth: DifferenceGrowth): boolean {
  const { compared, equal, different, dropped, timedOut, shadowFailed, paths } = growth;
  return compared + equal + different + dropped + timedOut + shadowFailed + paths.size > 0;
}

function add(
  sum: DifferenceGrowth,
  now: DifferenceTelemetry,
  before: DifferenceTelemetry | undefined,
): DifferenceGrowth {
  const counted = (name: Exclude<keyof DifferenceTelemetry, 'paths'>): number =>
    sum[name] + Math.max(0, now[name] - (before?.[name] ?? 0));
  const paths = new Map(sum.paths);
  const beforeByKey = new Map(before?.paths.map((path) => [pathKey(path), path.count]));
  for (const path of now.paths) {
    const key = pathKey(path);
    const more = path.count - (beforeByKey.get(key) ?? 0);
    if (more > 0) paths.set(key, addPath(paths.get(key), { ...path, count: more }));
  }
  return {
    ...sum,
    compared: counted('compared'),
    equal: counted('equal'),
    different: counted('different'),
    dropped: counted('dropped'),
    timedOut: counted('timedOut'),
    shadowFailed: counted('shadowFailed'),
    paths,
  };
}

function pathKey({ kind, path }: Pick<DifferencePath, 'kind' | 'path'>): string {
  return `${kind} ${path}`;
}

function addPath(sum: DifferencePath | undefined, more: DifferencePath): DifferencePath {
  if (sum === undefined) return { ...more, samples: more.samples.slice(0, SAMPLES_LIMIT) };
  return { ...sum, count: sum.count + more.count, samples: withSamples(sum.samples, more.samples) };
}

/** The same again says nothing new and would take the place of what does. */
function withSamples(
  known: readonly DifferenceSample[],
  more: readonly DifferenceSample[],
): readonly DifferenceSample[] {
  const byText = new Map([...known, ...more].map((sample) => [JSON.stringify(sample), sample]));
  return [...byText.values()].slice(0, SAMPLES_LIMIT);
}

/** The row of the totals is locked by this: whoever adds places of the same flag comes after. */
async function addTotals(client: Client, growth: DifferenceGrowth): Promise<void> {
  await client.query(
    `insert into theseus.difference_total as known
       (environment, flag, compared, equal, different, dropped, timed_out, shadow_failed)
     values ($1, $2, $3, $4, $5, $6, $7, $8)
     on conflict (environment, flag) do update set compared = known.compared + excluded.compared,
       equal = known.equal + excluded.equal, different = known.different + excluded.different,
       dropped = known.dropped + excluded.dropped, timed_out = known.timed_out + excluded.timed_out,
       shadow_failed = known.shadow_failed + excluded.shadow_failed`,
    [
      growth.environment,
      growth.flag,
      growth.compared,
      growth.equal,
      growth.different,
      growth.dropped,
      growth.timedOut,
      growth.shadowFailed,
    ],
  );
}

interface PathRow {
  readonly path: string;
  readonly kind: DifferenceKind;
  readonly samples: readonly DifferenceSample[];
}

async function addPaths(client: Client, { environment, flag, paths }: DifferenceGrowth): Promise<void> {
  const { rows } = await client.query<PathRow>(
    'select path, kind, samples from theseus.difference where environment = $1 and flag = $2',
    [environment, flag],
  );
  const added = [...placed(paths, rows).values()];
  await client.query(
    `insert into theseus.difference as known (environment, flag, path, kind, count, samples)
     select $1, $2, path, kind, count, samples
     from unnest($3::text[], $4::text[], $5::bigint[], $6::json[]) as new (path, kind, count, samples)
     on conflict (environment, flag, path, kind) do update
       set count = known.count + excluded.count, samples = excluded.samples, last_at = now()`,
    [
      environment,
      flag,
      added.map(({ path }) => path),
      added.map(({ kind }) => kind),
      added.map(({ count }) => count),
      added.map(({ samples }) => JSON.stringify(samples)),
    ],
  );
}

/** Where each place is counted, with the samples that are kept of it. */
function placed(
  paths: ReadonlyMap<string, DifferencePath>,
  rows: readonly PathRow[],
): ReadonlyMap<string, DifferencePath> {
  const known = new Map(rows.map((row) => [pathKey(row), row.samples]));
  let room = PATHS_LIMIT - rows.filter(({ path }) => path !== ELSEWHERE).length;
  const all = new Map<string, DifferencePath>();
  for (const [key, path] of paths) {
    const isNew = !known.has(key) && path.path !== ELSEWHERE;
    const isElsewhere = path.path === ELSEWHERE || (isNew && room <= 0);
    if (isNew && !isElsewhere) room -= 1;
    if (isElsewhere) {
      const place = { path: ELSEWHERE, kind: 'changed', count: path.count, samples: [] } as const;
      all.set(pathKey(place), addPath(all.get(pathKey(place)), place));
    } else {
      all.set(key, { ...path, samples: withSamples(known.get(key) ?? [], path.samples) });
    }
  }
  return all;
}
