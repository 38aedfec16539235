import { DEFAULT_ENVIRONMENT } from '@theseus/core/flag';
import type { ArmTelemetry, FlagTelemetry, TelemetryBatch } from '@theseus/core/health';
import type { Client, Database } from '../ports/database.ts';
import type { ArmTotals, InstanceView, ReportedNow, ReportedValue } from '../ports/telemetry-service.ts';
import { addArm, EMPTY_ARM, subtractArm } from './arm-counts.ts';
import { addToComparisons } from './comparison-rows.ts';
import { addDifferences, type DifferenceGrowth, differenceGrowth } from './difference-rows.ts';
import { addToExperiments } from './experiment-rows.ts';
import { publishMarks } from './flag-epoch.ts';
import {
  type InstanceRow,
  keyOf,
  lockInstances,
  newestByInstance,
  type PlacedBatch,
  saveInstances,
} from './instance-rows.ts';
import { saveRepairs } from './repair-store.ts';
import { newParts } from './user-parts.ts';

export const SERVED_CHANNEL = 'theseus_served';

interface WindowRow {
  readonly legacy: ArmTelemetry;
  readonly candidate: ArmTelemetry;
  readonly compared: string;
  readonly equal: string;
  readonly oldest: Date | null;
  readonly newest: Date | null;
}

/** What was counted between two moments. */
export interface TelemetryWindow {
  readonly legacy: ArmTelemetry;
  readonly candidate: ArmTelemetry;
  /** Reads of a migration whose answers of both sides were compared, and those that agreed. */
  readonly agreement: { readonly compared: number; readonly equal: number };
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
    const placed = batches.map((batch) => ({ ...batch, environment: batch.environment ?? DEFAULT_ENVIRONMENT }));
    const newest = newestByInstance(placed);
    return this.#database.transaction(async (client) => {
      const known = await lockInstances(client, [...newest.values()]);
      const fresh = [...newest.values()].filter((batch) => batch.sequence > sequenceOf(known, batch));
      if (fresh.length === 0) return false;
      const freshKeys = new Set(fresh.map(keyOf));
      const parts = newParts(
        placed.filter((batch) => freshKeys.has(keyOf(batch))),
        known,
      );
      const differences = differenceGrowth(fresh, known);
      await addIncrements(client, incrementsOf(fresh, known, differences));
      const marked = await addToComparisons(client, { batches: fresh, known, parts });
      await addToExperiments(client, parts);
      await addDifferences(client, differences);
      await saveRepairs(client, fresh);
      await saveInstances(client, fresh, { known, taken: new Map(parts.map((part) => [keyOf(part), part.sequence])) });
      await publishMarks(client, marked);
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
      `select legacy, candidate, compared, equal, null::timestamptz as oldest, null::timestamptz as newest
         from theseus.telemetry where environment = $4 and flag = $1 and at > $2 and at <= $3
       union all
       select null, null, 0, 0, (select at from theseus.telemetry where environment = $4 and flag = $1 order by at limit 1), at
         from (select at from theseus.telemetry where environment = $4 and flag = $1 order by at desc limit 1) as last`,
      [flag, new Date(fromMs), new Date(toMs), environment],
    );
    const counted = rows.filter(({ newest }) => newest === null);
    const reach = rows.find(({ newest }) => newest !== null);
    return {
      legacy: counted.reduce((sum, row) => addArm(sum, row.legacy), EMPTY_ARM),
      candidate: counted.reduce((sum, row) => addArm(sum, row.candidate), EMPTY_ARM),
      agreement: {
        compared: counted.reduce((sum, { compared }) => sum + Number(compared), 0),
        equal: counted.reduce((sum, { equal }) => sum + Number(equal), 0),
      },
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

function sequenceOf(known: ReadonlyMap<string, InstanceRow>, batch: PlacedBatch): number {
  return Number(known.get(keyOf(batch))?.sequence ?? -1);
}

interface Increment extends Pick<FlagTelemetry, 'legacy' | 'candidate'> {
  readonly environment: string;
  readonly flag: string;
  readonly compared: number;
  readonly equal: number;
}

function incrementsOf(
  batches: readonly PlacedBatch[],
  known: ReadonlyMap<string, InstanceRow>,
  differences: readonly DifferenceGrowth[],
): Map<string, Increment> {
  const increments = new Map<string, Increment>();
  const agreement = new Map(differences.map((growth) => [`${growth.environment} ${growth.flag}`, growth]));
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
        compared: agreement.get(key)?.compared ?? 0,
        equal: agreement.get(key)?.equal ?? 0,
      });
    }
  }
  return increments;
}

async function addIncrements(client: Client, increments: ReadonlyMap<string, Increment>): Promise<void> {
  const entries = [...increments]
    .filter(([, { legacy, candidate, compared }]) => legacy.requests + candidate.requests + compared > 0)
    .sort(([left], [right]) => (left < right ? -1 : 1));
  if (entries.length === 0) return;
  const environments = entries.map(([, { environment }]) => environment);
  const flags = entries.map(([, { flag }]) => flag);
  await client.query(
    `insert into theseus.telemetry (environment, flag, at, legacy, candidate, compared, equal)
     select environment, flag, now(), legacy, candidate, compared, equal
     from unnest($1::text[], $2::text[], $3::json[], $4::json[], $5::bigint[], $6::bigint[])
       as new (environment, flag, legacy, candidate, compared, equal)`,
    [
      environments,
      flags,
      entries.map(([, { legacy }]) => JSON.stringify(legacy)),
      entries.map(([, { candidate }]) => JSON.stringify(candidate)),
      entries.map(([, { compared }]) => compared),
      entries.map(([, { equal }]) => equal),
    ],
  );
  // First there must be a row to lock, or two servers at once would each begin at zero.
  await client.query(
    `insert into theseus.telemetry_total (environment, flag, legacy, candidate)
     select environment, flag, $3::json, $3::json from unnest($1::text[], $2::text[]) as new (environment, flag)
     on conflict do nothing`,
    [environments, flags, JSON.stringify(NO_TOTALS)],
  );
  const { rows } = await client.query<{ environment: string; flag: string; legacy: ArmTotals; candidate: ArmTotals }>(
    `select environment, flag, legacy, candidate from theseus.telemetry_total
     where (environment, flag) in (select * from unnest($1::text[], $2::text[])) order by environment, flag for update`,
    [environments, flags],
  );
  const totals = new Map(rows.map((row) => [`${row.environment} ${row.flag}`, row]));
  await client.query(
    `update theseus.telemetry_total as total set legacy = new.legacy, candidate = new.candidate
     from unnest($1::text[], $2::text[], $3::json[], $4::json[]) as new (environment, flag, legacy, candidate)
     where total.environment = new.environment and total.flag = new.flag`,
    [
      environments,
      flags,
      entries.map(([key, { legacy }]) => JSON.stringify(addTotals(totals.get(key)?.legacy, legacy))),
      entries.map(([key, { candidate }]) => JSON.stringify(addTotals(totals.get(key)?.candidate, candidate))),
    ],
  );
}

const NO_TOTALS: ArmTotals = { requests: 0, errors: 0, fallbacks: 0 };

function addTotals(before: ArmTotals | undefined, more: ArmTelemetry): ArmTotals {
  return {
    requests: (before?.requests ?? 0) + more.requests,
    errors: (before?.errors ?? 0) + more.errors,
    fallbacks: (before?.fallbacks ?? 0) + more.fallbacks,
  };
}
