import type { DifferenceTelemetry, FlagTelemetry, TelemetryBatch } from '@theseus/core/health';
import type { Client } from '../ports/database.ts';

export interface InstanceRow {
  readonly environment: string;
  readonly instance: string;
  readonly sequence: string;
  readonly served_version: string;
  readonly counters: Readonly<Record<string, FlagTelemetry>>;
  /** The last part about users that was taken in. */
  readonly users_sequence: string;
}

export type PlacedBatch = TelemetryBatch & { readonly environment: string };

/** An instance id is unique in its environment only, whose name holds no blank. */
export function keyOf({ environment, instance }: { readonly environment: string; readonly instance: string }): string {
  return `${environment} ${instance}`;
}

/** One batch of each instance: its newest, with the newest counters of every flag. */
export function newestByInstance(batches: readonly PlacedBatch[]): Map<string, PlacedBatch> {
  const newest = new Map<string, PlacedBatch>();
  for (const batch of batches) {
    const key = keyOf(batch);
    const known = newest.get(key);
    if (known === undefined) newest.set(key, batch);
    else if (batch.sequence > known.sequence) newest.set(key, { ...batch, flags: { ...known.flags, ...batch.flags } });
    else newest.set(key, { ...known, flags: { ...batch.flags, ...known.flags } });
  }
  return newest;
}

/**
 * What is known of the instances, locked. An instance that is met for the first time gets a row to lock before it has
 * anything to say: a batch that reaches two servers at once must be new to one of them only.
 */
export async function lockInstances(
  client: Client,
  batches: readonly PlacedBatch[],
): Promise<Map<string, InstanceRow>> {
  const known = await lockKnown(client, batches);
  const missing = batches.filter((batch) => !known.has(keyOf(batch)));
  if (missing.length === 0) return known;
  await client.query(
    `insert into theseus.instance (environment, instance, service, sequence, served_version, last_seen, counters)
     select environment, instance, '', -1, -1, now(), '{}' from unnest($1::text[], $2::text[]) as new (environment, instance)
     order by environment, instance on conflict do nothing`,
    [missing.map(({ environment }) => environment), missing.map(({ instance }) => instance)],
  );
  return new Map([...known, ...(await lockKnown(client, missing))]);
}

async function lockKnown(client: Client, batches: readonly PlacedBatch[]): Promise<Map<string, InstanceRow>> {
  const { rows } = await client.query<InstanceRow>(
    `select environment, instance, sequence, served_version, counters, users_sequence from theseus.instance
     where (environment, instance) in (select * from unnest($1::text[], $2::text[]))
     order by environment, instance for update`,
    [batches.map(({ environment }) => environment), batches.map(({ instance }) => instance)],
  );
  return new Map(rows.map((row) => [keyOf(row), row]));
}

/** @param taken the last part about users of each instance that had a new one */
export async function saveInstances(
  client: Client,
  batches: readonly PlacedBatch[],
  { known, taken }: { readonly known: ReadonlyMap<string, InstanceRow>; readonly taken: ReadonlyMap<string, number> },
): Promise<void> {
  const sorted = batches.toSorted((left, right) => (keyOf(left) < keyOf(right) ? -1 : 1));
  await client.query(
    `update theseus.instance as known set service = new.service, sequence = new.sequence, served_version = new.served,
       last_seen = now(), counters = new.counters, closed = new.closed, users_sequence = new.users_sequence
     from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::json[], $6::boolean[], $7::text[], $8::bigint[])
       as new (instance, service, sequence, served, counters, closed, environment, users_sequence)
     where known.environment = new.environment and known.instance = new.instance`,
    [
      sorted.map(({ instance }) => instance),
      sorted.map(({ service }) => service),
      sorted.map(({ sequence }) => sequence),
      sorted.map(({ servedVersion }) => servedVersion),
      sorted.map((batch) => JSON.stringify(countersOf(batch, known.get(keyOf(batch))?.counters ?? {}))),
      sorted.map(({ closing }) => closing ?? false),
      sorted.map(({ environment }) => environment),
      sorted.map((batch) => taken.get(keyOf(batch)) ?? Number(known.get(keyOf(batch))?.users_sequence ?? 0)),
    ],
  );
}

type Counters = Readonly<Record<string, FlagTelemetry>>;

/** What the next batch is compared with. A flag that says nothing of its differences this time has those it had. */
function countersOf({ flags }: PlacedBatch, before: Counters): Counters {
  const counters = Object.entries(flags).map(([flag, now]): readonly [string, FlagTelemetry] => {
    const differences = now.differences ?? before[flag]?.differences;
    return [flag, differences === undefined ? now : { ...now, differences: withoutSamples(differences) }];
  });
  return { ...before, ...Object.fromEntries(counters) };
}

/** Samples are kept once for all instances; here they would be written with every batch. */
function withoutSamples(differences: DifferenceTelemetry): DifferenceTelemetry {
  return { ...differences, paths: differences.paths.map((path) => ({ ...path, samples: [] })) };
}
