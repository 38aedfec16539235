import { DEFAULT_ENVIRONMENT } from '@theseus/core/flag';
import type { ArmTelemetry, FlagTelemetry, TelemetryBatch } from '@theseus/core/health';
import type { Client, Database, Queryable } from '../ports/database.ts';
import type { ArmTotals, InstanceView, ReportedNow, ReportedValue } from '../ports/telemetry-service.ts';
import { addArm, EMPTY_ARM, subtractArm } from './arm-counts.ts';

export const SERVED_CHANNEL = 'theseus_served';

type Counters = Readonly<Record<string, FlagTelemetry>>;

interface InstanceRow {
  readonly environment: string;
  readonly instance: string;
  readonly sequence: string;
  readonly served_version: string;
  readonly counters: Counters;
}

interface WindowRow {
  readonly legacy: ArmTelemetry;
  readonly candidate: ArmTelemetry;
  readonly oldest: Date | null;
  readonly newest: Date | null;
}

/** What was counted between two moments. */
export interface TelemetryWindow {
  readonly legacy: ArmTelemetry;
  readonly candidate: ArmTelemetry;
  /** The oldest and the newest datum of the flag, whatever the window; null when there is none. */
  readonly oldestAt: number | null;
  readonly newestAt: number | null;
}

/** Turns the cumulative counters of instances into increments, and keeps both. */
export class TelemetryStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * Takes in many batches at once. What an instance reported before is subtracted, so that a batch may be repeated or
   * an earlier one lost. Returns whether any instance serves another version than before, or has ended.
   */
  async receive(batches: readonly TelemetryBatch[]): Promise<boolean> {
    const newest = newestByInstance(
      batches.map((batch) => ({ ...batch, environment: batch.environment ?? DEFAULT_ENVIRONMENT })),
    );
    return this.#database.transaction(async (client) => {
      const known = await lockInstances(client, [...newest.values()]);
      const fresh = [...newest.values()].filter((batch) => {
        const row = known.get(keyOf(batch));
        return row === undefined || batch.sequence > Number(row.sequence);
      });
      if (fresh.length === 0) return false;
      await addIncrements(client, incrementsOf(fresh, known));
      await saveInstances(client, fresh, known);
      const moved = fresh.some(
        (batch) =>
          batch.closing === true || Number(known.get(keyOf(batch))?.served_version ?? -1) !== batch.servedVersion,
      );
      if (moved) await client.query('select pg_notify($1, $2)', [SERVED_CHANNEL, '']);
      return moved;
    });
  }

  async window(flag: string, fromMs: number, toMs: number, environment: string): Promise<TelemetryWindow> {
    const { rows } = await this.#database.query<WindowRow>(
      `select legacy, candidate, null::timestamptz as oldest, null::timestamptz as newest from theseus.telemetry
         where environment = $4 and flag = $1 and at > $2 and at <= $3
       union all
       select null, null, (select at from theseus.telemetry where environment = $4 and flag = $1 order by at limit 1), at
         from (select at from theseus.telemetry where environment = $4 and flag = $1 order by at desc limit 1) as last`,
      [flag, new Date(fromMs), new Date(toMs), environment],
    );
    const counted = rows.filter(({ newest }) => newest === null);
    const reach = rows.find(({ newest }) => newest !== null);
    return {
      legacy: counted.reduce((sum, row) => addArm(sum, row.legacy), EMPTY_ARM),
      candidate: counted.reduce((sum, row) => addArm(sum, row.candidate), EMPTY_ARM),
      oldestAt: reach?.oldest?.getTime() ?? null,
      newestAt: reach?.newest?.getTime() ?? null,
    };
  }

  async totals(
    environment: string,
  ): Promise<Readonly<Record<string, { readonly legacy: ArmTotals; readonly candidate: ArmTotals }>>> {
    const { rows } = await this.#database.query<{ flag: string; legacy: ArmTotals; candidate: ArmTotals }>(
      'select flag, legacy, candidate from theseus.telemetry_total where environment = $1 order by flag',
      [environment],
    );
    return Object.fromEntries(rows.map(({ flag, legacy, candidate }) => [flag, { legacy, candidate }]));
  }

  /** Instances that were heard of within this time and have not ended, of one environment or of all. */
  async instances(withinMs: number, of: { readonly environment?: string } = {}): Promise<readonly InstanceView[]> {
    const { rows } = await this.#database.query<{
      instance: string;
      service: string;
      environment: string;
      served_version: string;
      last_seen: Date;
    }>(
      `select instance, service, environment, served_version, last_seen from theseus.instance
       where last_seen > now() - make_interval(secs => $1) and not closed and ($2::text is null or environment = $2)
       order by environment, service, instance`,
      [withinMs / 1000, of.environment ?? null],
    );
    return rows.map((row) => ({
      instance: row.instance,
      service: row.service,
      environment: row.environment,
      servedVersion: Number(row.served_version),
      lastSeen: row.last_seen.getTime(),
    }));
  }

  async report(value: ReportedValue): Promise<void> {
    await this.#database.query(
      `insert into theseus.reported (signal, run_id, flag, value, reported_by, environment, sample, at)
       values ($1, $2, $3, $4, $5, $6, $7, now())`,
      [value.signal, value.runId, value.flag, value.value, value.by, value.environment, value.sample],
    );
  }

  /** The newest value that fits: for this run, flag and environment, or for any where the reporter named none. */
  async latest(runId: string, signal: string, flag: string | null, environment: string): Promise<ReportedNow | null> {
    const { rows } = await this.#database.query<{
      value: number;
      at: Date;
      reported_by: string;
      sample: number | null;
    }>(
      `select value, at, reported_by, sample from theseus.reported
       where signal = $1 and (run_id is null or run_id = $2) and (flag is null or flag = $3)
         and (environment is null or environment = $4)
       order by id desc limit 1`,
      [signal, runId, flag, environment],
    );
    const row = rows[0];
    if (row === undefined) return null;
    return { value: row.value, at: row.at.getTime(), by: row.reported_by, sample: row.sample };
  }
}

interface Increment extends FlagTelemetry {
  readonly environment: string;
  readonly flag: string;
}

type PlacedBatch = TelemetryBatch & { readonly environment: string };

/** An instance id is unique in its environment only, whose name holds no blank. */
function keyOf({ environment, instance }: { readonly environment: string; readonly instance: string }): string {
  return `${environment} ${instance}`;
}

function newestByInstance(batches: readonly PlacedBatch[]): Map<string, PlacedBatch> {
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

async function lockInstances(client: Client, batches: readonly PlacedBatch[]): Promise<Map<string, InstanceRow>> {
  const { rows } = await client.query<InstanceRow>(
    `select environment, instance, sequence, served_version, counters from theseus.instance
     where (environment, instance) in (select * from unnest($1::text[], $2::text[]))
     order by environment, instance for update`,
    [batches.map(({ environment }) => environment), batches.map(({ instance }) => instance)],
  );
  return new Map(rows.map((row) => [keyOf(row), row]));
}

function incrementsOf(
  batches: readonly PlacedBatch[],
  known: ReadonlyMap<string, InstanceRow>,
): Map<string, Increment> {
  const increments = new Map<string, Increment>();
  for (const batch of batches) {
    const { environment } = batch;
    const before = known.get(keyOf(batch))?.counters ?? {};
    for (const [flag, now] of Object.entries(batch.flags)) {
      const key = `${environment} ${flag}`;
      const sum = increments.get(key) ?? { legacy: EMPTY_ARM, candidate: EMPTY_ARM };
      increments.set(key, {
        environment,
        flag,
        legacy: addArm(sum.legacy, subtractArm(now.legacy, before[flag]?.legacy)),
        candidate: addArm(sum.candidate, subtractArm(now.candidate, before[flag]?.candidate)),
      });
    }
  }
  return increments;
}

async function addIncrements(client: Client, increments: ReadonlyMap<string, Increment>): Promise<void> {
  const entries = [...increments]
    .filter(([, { legacy, candidate }]) => legacy.requests + candidate.requests > 0)
    .sort(([left], [right]) => (left < right ? -1 : 1));
  if (entries.length === 0) return;
  const environments = entries.map(([, { environment }]) => environment);
  const flags = entries.map(([, { flag }]) => flag);
  await client.query(
    `insert into theseus.telemetry (environment, flag, at, legacy, candidate)
     select environment, flag, now(), legacy, candidate
     from unnest($1::text[], $2::text[], $3::json[], $4::json[]) as new (environment, flag, legacy, candidate)`,
    [
      environments,
      flags,
      entries.map(([, { legacy }]) => JSON.stringify(legacy)),
      entries.map(([, { candidate }]) => JSON.stringify(candidate)),
    ],
  );
  const { rows } = await client.query<{ environment: string; flag: string; legacy: ArmTotals; candidate: ArmTotals }>(
    `select environment, flag, legacy, candidate from theseus.telemetry_total
     where (environment, flag) in (select * from unnest($1::text[], $2::text[])) order by environment, flag for update`,
    [environments, flags],
  );
  const totals = new Map(rows.map((row) => [`${row.environment} ${row.flag}`, row]));
  await client.query(
    `insert into theseus.telemetry_total (environment, flag, legacy, candidate)
     select * from unnest($1::text[], $2::text[], $3::json[], $4::json[])
     on conflict (environment, flag) do update set legacy = excluded.legacy, candidate = excluded.candidate`,
    [
      environments,
      flags,
      entries.map(([key, { legacy }]) => JSON.stringify(addTotals(totals.get(key)?.legacy, legacy))),
      entries.map(([key, { candidate }]) => JSON.stringify(addTotals(totals.get(key)?.candidate, candidate))),
    ],
  );
}

function addTotals(before: ArmTotals | undefined, more: ArmTelemetry): ArmTotals {
  return {
    requests: (before?.requests ?? 0) + more.requests,
    errors: (before?.errors ?? 0) + more.errors,
    fallbacks: (before?.fallbacks ?? 0) + more.fallbacks,
  };
}

async function saveInstances(
  client: Client,
  batches: readonly PlacedBatch[],
  known: ReadonlyMap<string, InstanceRow>,
): Promise<void> {
  const sorted = batches.toSorted((left, right) => (keyOf(left) < keyOf(right) ? -1 : 1));
  await client.query(
    `insert into theseus.instance (instance, service, sequence, served_version, last_seen, counters, closed, environment)
     select instance, service, sequence, served, now(), counters, closed, environment
     from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::json[], $6::boolean[], $7::text[])
       as new (instance, service, sequence, served, counters, closed, environment)
     on conflict (environment, instance) do update set service = excluded.service, sequence = excluded.sequence,
       served_version = excluded.served_version, last_seen = excluded.last_seen, counters = excluded.counters,
       closed = excluded.closed`,
    [
      sorted.map(({ instance }) => instance),
      sorted.map(({ service }) => service),
      sorted.map(({ sequence }) => sequence),
      sorted.map(({ servedVersion }) => servedVersion),
      sorted.map((batch) => JSON.stringify({ ...known.get(keyOf(batch))?.counters, ...batch.flags })),
      sorted.map(({ closing }) => closing ?? false),
      sorted.map(({ environment }) => environment),
    ],
  );
}

/** Merges fine records older than two minutes into records of 30 s, and drops what nobody reads any more. */
export async function compactTelemetry(database: Database, now: number): Promise<void> {
  await database.query('delete from theseus.telemetry where at < $1', [new Date(now - KEEP_TELEMETRY_MS)]);
  // Counted from the newest sign of life: after a long downtime the counters of those who live on must still be known.
  await database.query(
    `delete from theseus.instance
     where last_seen < (select max(last_seen) from theseus.instance) - make_interval(secs => $1)`,
    [KEEP_INSTANCES_MS / 1000],
  );
  await database.query('delete from theseus.reported where at < $1', [new Date(now - KEEP_TELEMETRY_MS)]);
  await database.query('delete from theseus.alert where not firing and heard_at < $1', [
    new Date(now - KEEP_TELEMETRY_MS),
  ]);
  const spans = await fineSpans(database, now);
  for (const span of spans) await database.transaction((client) => mergeSpan(client, span));
}

const RECORD_MS = 30_000;
const FINE_FOR_MS = 120_000;
const KEEP_TELEMETRY_MS = 35 * 86_400_000;
const KEEP_INSTANCES_MS = 7 * 86_400_000;
const SPANS_PER_ROUND = 2_000;

interface FineSpan {
  readonly environment: string;
  readonly flag: string;
  readonly span: Date;
}

async function fineSpans(queryable: Queryable, now: number): Promise<readonly FineSpan[]> {
  const { rows } = await queryable.query<FineSpan>(
    `select environment, flag, date_bin('30 seconds', at, 'epoch') as span from theseus.telemetry
     where at < $1 and at > $2 group by 1, 2, 3 having count(*) > 1 limit $3`,
    [new Date(now - FINE_FOR_MS), new Date(now - KEEP_INSTANCES_MS), SPANS_PER_ROUND],
  );
  return rows;
}

async function mergeSpan(client: Client, { environment, flag, span }: FineSpan): Promise<void> {
  const { rows } = await client.query<{ legacy: ArmTelemetry; candidate: ArmTelemetry }>(
    `delete from theseus.telemetry where environment = $4 and flag = $1 and at >= $2 and at < $3
     returning legacy, candidate`,
    [flag, span, new Date(span.getTime() + RECORD_MS), environment],
  );
  if (rows.length === 0) return;
  const legacy = rows.reduce((sum, row) => addArm(sum, row.legacy), EMPTY_ARM);
  const candidate = rows.reduce((sum, row) => addArm(sum, row.candidate), EMPTY_ARM);
  await client.query(
    'insert into theseus.telemetry (environment, flag, at, legacy, candidate) values ($1, $2, $3, $4, $5)',
    [environment, flag, span, JSON.stringify(legacy), JSON.stringify(candidate)],
  );
}
