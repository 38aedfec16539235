import type { ArmTelemetry, FlagTelemetry, TelemetryBatch } from '@theseus/core/health';
import type { Client, Database, Queryable } from '../ports/database.ts';
import type { ArmTotals, InstanceView, ReportedValue } from '../ports/telemetry-service.ts';
import { addArm, EMPTY_ARM, subtractArm } from './arm-counts.ts';

export const SERVED_CHANNEL = 'theseus_served';

type Counters = Readonly<Record<string, FlagTelemetry>>;

interface InstanceRow {
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
    const newest = newestByInstance(batches);
    return this.#database.transaction(async (client) => {
      const known = await lockInstances(client, [...newest.keys()]);
      const fresh = [...newest.values()].filter(({ instance, sequence }) => {
        const row = known.get(instance);
        return row === undefined || sequence > Number(row.sequence);
      });
      if (fresh.length === 0) return false;
      await addIncrements(client, incrementsOf(fresh, known));
      await saveInstances(client, fresh, known);
      const moved = fresh.some(
        ({ instance, servedVersion, closing }) =>
          closing === true || Number(known.get(instance)?.served_version ?? -1) !== servedVersion,
      );
      if (moved) await client.query('select pg_notify($1, $2)', [SERVED_CHANNEL, '']);
      return moved;
    });
  }

  async window(flag: string, fromMs: number, toMs: number): Promise<TelemetryWindow> {
    const { rows } = await this.#database.query<WindowRow>(
      `select legacy, candidate, null::timestamptz as oldest, null::timestamptz as newest from theseus.telemetry
         where flag = $1 and at > $2 and at <= $3
       union all
       select null, null, (select at from theseus.telemetry where flag = $1 order by at limit 1), at
         from (select at from theseus.telemetry where flag = $1 order by at desc limit 1) as last`,
      [flag, new Date(fromMs), new Date(toMs)],
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

  async totals(): Promise<Readonly<Record<string, { readonly legacy: ArmTotals; readonly candidate: ArmTotals }>>> {
    const { rows } = await this.#database.query<{ flag: string; legacy: ArmTotals; candidate: ArmTotals }>(
      'select flag, legacy, candidate from theseus.telemetry_total order by flag',
    );
    return Object.fromEntries(rows.map(({ flag, legacy, candidate }) => [flag, { legacy, candidate }]));
  }

  async instances(withinMs: number): Promise<readonly InstanceView[]> {
    const { rows } = await this.#database.query<{
      instance: string;
      service: string;
      served_version: string;
      last_seen: Date;
    }>(
      `select instance, service, served_version, last_seen from theseus.instance
       where last_seen > now() - make_interval(secs => $1) and not closed order by service, instance`,
      [withinMs / 1000],
    );
    return rows.map((row) => ({
      instance: row.instance,
      service: row.service,
      servedVersion: Number(row.served_version),
      lastSeen: row.last_seen.getTime(),
    }));
  }

  async report(value: ReportedValue): Promise<void> {
    await this.#database.query(
      'insert into theseus.reported (signal, run_id, flag, value, reported_by, at) values ($1, $2, $3, $4, $5, now())',
      [value.signal, value.runId, value.flag, value.value, value.by],
    );
  }

  /** The newest value that fits: for this run and flag, or for any where the reporter named none. */
  async latest(
    runId: string,
    signal: string,
    flag: string | null,
  ): Promise<{ readonly value: number; readonly at: number; readonly by: string } | null> {
    const { rows } = await this.#database.query<{ value: number; at: Date; reported_by: string }>(
      `select value, at, reported_by from theseus.reported
       where signal = $1 and (run_id is null or run_id = $2) and (flag is null or flag = $3)
       order by id desc limit 1`,
      [signal, runId, flag],
    );
    const row = rows[0];
    return row === undefined ? null : { value: row.value, at: row.at.getTime(), by: row.reported_by };
  }
}

function newestByInstance(batches: readonly TelemetryBatch[]): Map<string, TelemetryBatch> {
  const newest = new Map<string, TelemetryBatch>();
  for (const batch of batches) {
    const known = newest.get(batch.instance);
    if (known === undefined) newest.set(batch.instance, batch);
    else if (batch.sequence > known.sequence)
      newest.set(batch.instance, { ...batch, flags: { ...known.flags, ...batch.flags } });
    else newest.set(batch.instance, { ...known, flags: { ...batch.flags, ...known.flags } });
  }
  return newest;
}

async function lockInstances(client: Client, instances: readonly string[]): Promise<Map<string, InstanceRow>> {
  const { rows } = await client.query<InstanceRow>(
    `select instance, sequence, served_version, counters from theseus.instance
     where instance = any($1) order by instance for update`,
    [instances],
  );
  return new Map(rows.map((row) => [row.instance, row]));
}

function incrementsOf(
  batches: readonly TelemetryBatch[],
  known: ReadonlyMap<string, InstanceRow>,
): Map<string, FlagTelemetry> {
  const increments = new Map<string, FlagTelemetry>();
  for (const batch of batches) {
    const before = known.get(batch.instance)?.counters ?? {};
    for (const [flag, now] of Object.entries(batch.flags)) {
      const sum = increments.get(flag) ?? { legacy: EMPTY_ARM, candidate: EMPTY_ARM };
      increments.set(flag, {
        legacy: addArm(sum.legacy, subtractArm(now.legacy, before[flag]?.legacy)),
        candidate: addArm(sum.candidate, subtractArm(now.candidate, before[flag]?.candidate)),
      });
    }
  }
  return increments;
}

async function addIncrements(client: Client, increments: ReadonlyMap<string, FlagTelemetry>): Promise<void> {
  const entries = [...increments]
    .filter(([, { legacy, candidate }]) => legacy.requests + candidate.requests > 0)
    .sort(([left], [right]) => (left < right ? -1 : 1));
  if (entries.length === 0) return;
  const flags = entries.map(([flag]) => flag);
  await client.query(
    `insert into theseus.telemetry (flag, at, legacy, candidate)
     select flag, now(), legacy, candidate from unnest($1::text[], $2::json[], $3::json[]) as new (flag, legacy, candidate)`,
    [
      flags,
      entries.map(([, { legacy }]) => JSON.stringify(legacy)),
      entries.map(([, { candidate }]) => JSON.stringify(candidate)),
    ],
  );
  const { rows } = await client.query<{ flag: string; legacy: ArmTotals; candidate: ArmTotals }>(
    'select flag, legacy, candidate from theseus.telemetry_total where flag = any($1) order by flag for update',
    [flags],
  );
  const totals = new Map(rows.map((row) => [row.flag, row]));
  await client.query(
    `insert into theseus.telemetry_total (flag, legacy, candidate)
     select * from unnest($1::text[], $2::json[], $3::json[])
     on conflict (flag) do update set legacy = excluded.legacy, candidate = excluded.candidate`,
    [
      flags,
      entries.map(([flag, { legacy }]) => JSON.stringify(addTotals(totals.get(flag)?.legacy, legacy))),
      entries.map(([flag, { candidate }]) => JSON.stringify(addTotals(totals.get(flag)?.candidate, candidate))),
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
  batches: readonly TelemetryBatch[],
  known: ReadonlyMap<string, InstanceRow>,
): Promise<void> {
  const sorted = batches.toSorted((left, right) => (left.instance < right.instance ? -1 : 1));
  await client.query(
    `insert into theseus.instance (instance, service, sequence, served_version, last_seen, counters, closed)
     select instance, service, sequence, served, now(), counters, closed
     from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::json[], $6::boolean[])
       as new (instance, service, sequence, served, counters, closed)
     on conflict (instance) do update set service = excluded.service, sequence = excluded.sequence,
       served_version = excluded.served_version, last_seen = excluded.last_seen, counters = excluded.counters,
       closed = excluded.closed`,
    [
      sorted.map(({ instance }) => instance),
      sorted.map(({ service }) => service),
      sorted.map(({ sequence }) => sequence),
      sorted.map(({ servedVersion }) => servedVersion),
      sorted.map(({ instance, flags }) => JSON.stringify({ ...known.get(instance)?.counters, ...flags })),
      sorted.map(({ closing }) => closing ?? false),
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
  const spans = await fineSpans(database, now);
  for (const { flag, span } of spans) await database.transaction((client) => mergeSpan(client, flag, span));
}

const RECORD_MS = 30_000;
const FINE_FOR_MS = 120_000;
const KEEP_TELEMETRY_MS = 35 * 86_400_000;
const KEEP_INSTANCES_MS = 7 * 86_400_000;
const SPANS_PER_ROUND = 2_000;

async function fineSpans(queryable: Queryable, now: number) {
  const { rows } = await queryable.query<{ flag: string; span: Date }>(
    `select flag, date_bin('30 seconds', at, 'epoch') as span from theseus.telemetry
     where at < $1 and at > $2 group by 1, 2 having count(*) > 1 limit $3`,
    [new Date(now - FINE_FOR_MS), new Date(now - KEEP_INSTANCES_MS), SPANS_PER_ROUND],
  );
  return rows;
}

async function mergeSpan(client: Client, flag: string, span: Date): Promise<void> {
  const { rows } = await client.query<{ legacy: ArmTelemetry; candidate: ArmTelemetry }>(
    'delete from theseus.telemetry where flag = $1 and at >= $2 and at < $3 returning legacy, candidate',
    [flag, span, new Date(span.getTime() + RECORD_MS)],
  );
  if (rows.length === 0) return;
  const legacy = rows.reduce((sum, row) => addArm(sum, row.legacy), EMPTY_ARM);
  const candidate = rows.reduce((sum, row) => addArm(sum, row.candidate), EMPTY_ARM);
  await client.query('insert into theseus.telemetry (flag, at, legacy, candidate) values ($1, $2, $3, $4)', [
    flag,
    span,
    JSON.stringify(legacy),
    JSON.stringify(candidate),
  ]);
}
