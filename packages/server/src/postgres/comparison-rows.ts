import type { LatencyMarks } from '@theseus/core/flag';
import {
  type ArmTelemetry,
  type ComparedTelemetry,
  type FlagUsers,
  latencyMarks,
  NO_USERS,
  type SegmentCounts,
  type UserSums,
} from '@theseus/core/health';
import type { Client } from '../ports/database.ts';
import { addLatency, subtractLatency } from './arm-counts.ts';
import { type InstanceRow, keyOf, type PlacedBatch } from './instance-rows.ts';
import type { NewPart } from './user-parts.ts';
import { addTallies, type SumsByArm } from './user-tallies.ts';

/** What is kept of one arm: sums since the flag was first compared, those over users since the epoch began. */
export interface ComparedArm extends ComparedTelemetry {
  readonly strata: Readonly<Record<string, SegmentCounts>>;
  readonly users: UserSums;
}

export interface ComparisonRow {
  readonly environment: string;
  readonly flag: string;
  readonly epoch: string;
  readonly level: number;
  readonly tally_set: string | null;
  readonly legacy: ComparedArm;
  readonly candidate: ComparedArm;
  readonly body_ms: number | null;
  readonly tail_ms: number | null;
}

const ARMS = ['legacy', 'candidate'] as const;
const NO_CALLS: ComparedArm = { requests: 0, errors: 0, latency: [], strata: {}, users: NO_USERS };

/** What one group of batches adds to the comparison of one flag. */
interface Addition {
  readonly environment: string;
  readonly flag: string;
  legacy: ComparedArm;
  candidate: ComparedArm;
  readonly reports: FlagUsers[];
}

export interface NewlyHeard {
  readonly batches: readonly PlacedBatch[];
  readonly known: ReadonlyMap<string, InstanceRow>;
  readonly parts: readonly NewPart[];
}

/** A flag whose marks have just been fixed. */
export interface MarkedFlag {
  readonly environment: string;
  readonly flag: string;
}

/** Adds what is new to the comparisons it belongs to; returns the flags that have marks since then. */
export async function addToComparisons(client: Client, heard: NewlyHeard): Promise<readonly MarkedFlag[]> {
  const additions = additionsOf(heard);
  if (additions.length === 0) return [];
  const rows = await lockRows(client, additions);
  const latest = await newestVersions(client, additions);
  const moved: Moved[] = [];
  for (const addition of additions) {
    const row = rows.get(placeOf(addition));
    if (row !== undefined) moved.push(movedBy(row, addition, latest.get(addition.environment) ?? 0));
  }
  await beginSets(client, moved);
  const sums = await addTallies(
    client,
    moved.flatMap(({ tallySet, level, reports }) => (tallySet === null ? [] : [{ tallySet, level, reports }])),
  );
  const marked = moved.map((each) => ({ ...each, marks: each.marks ?? latencyMarks(each.legacy.latency) }));
  await saveRows(client, marked, sums);
  return marked.filter(({ marks }, index) => marks !== null && moved[index]?.marks === null);
}

function additionsOf({ batches, known, parts }: NewlyHeard): readonly Addition[] {
  const additions = new Map<string, Addition>();
  const at = (environment: string, flag: string): Addition => {
    const found = additions.get(`${environment} ${flag}`);
    const addition = found ?? { environment, flag, legacy: NO_CALLS, candidate: NO_CALLS, reports: [] };
    if (found === undefined) additions.set(`${environment} ${flag}`, addition);
    return addition;
  };
  for (const batch of batches) {
    const before = known.get(keyOf(batch))?.counters ?? {};
    for (const [flag, now] of Object.entries(batch.flags)) {
      for (const arm of ARMS) {
        const growth = growthOf(now[arm], before[flag]?.[arm]);
        if (growth === null) continue;
        const addition = at(batch.environment, flag);
        addition[arm] = addCalls(addition[arm], growth);
      }
    }
  }
  for (const { environment, flags } of parts) {
    for (const [flag, users] of Object.entries(flags)) at(environment, flag).reports.push(users);
  }
  return [...additions.values()].sort((left, right) => (placeOf(left) < placeOf(right) ? -1 : 1));
}

function placeOf({ environment, flag }: { readonly environment: string; readonly flag: string }): string {
  return `${environment} ${flag}`;
}

/** Null where nothing is compared or nothing has grown. */
function growthOf(now: ArmTelemetry, before: ArmTelemetry | undefined): ComparedArm | null {
  const compared = comparedOf(now);
  if (compared === null) return null;
  const old = (before === undefined ? null : comparedOf(before)) ?? NO_CALLS;
  const requests = Math.max(0, compared.requests - old.requests);
  if (requests === 0) return null;
  return {
    requests,
    errors: Math.max(0, compared.errors - old.errors),
    latency: subtractLatency(compared.latency, old.latency),
    strata: Object.fromEntries(
      Object.entries(now.strata ?? {}).map(([key, counts]) => {
        const earlier = before?.strata?.[key];
        return [
          key,
          {
            requests: Math.max(0, counts.requests - (earlier?.requests ?? 0)),
            errors: Math.max(0, counts.errors - (earlier?.errors ?? 0)),
          },
        ];
      }),
    ),
    users: NO_USERS,
  };
}

function comparedOf(arm: ArmTelemetry): ComparedTelemetry | null {
  if (arm.compared === undefined) return null;
  return arm.compared === 'all' ? arm : arm.compared;
}

function addCalls(left: ComparedArm, right: ComparedArm): ComparedArm {
  const strata: Record<string, SegmentCounts> = { ...left.strata };
  for (const [key, { requests, errors }] of Object.entries(right.strata)) {
    const before = strata[key] ?? { requests: 0, errors: 0 };
    strata[key] = { requests: before.requests + requests, errors: before.errors + errors };
  }
  return {
    requests: left.requests + right.requests,
    errors: left.errors + right.errors,
    latency: addLatency(left.latency, right.latency),
    strata,
    users: left.users,
  };
}

async function lockRows(client: Client, additions: readonly Addition[]): Promise<ReadonlyMap<string, ComparisonRow>> {
  const places = [additions.map(({ environment }) => environment), additions.map(({ flag }) => flag)];
  await client.query(
    `insert into theseus.comparison (environment, flag, legacy, candidate)
     select environment, flag, $3::json, $3::json from unnest($1::text[], $2::text[]) as new (environment, flag)
     on conflict do nothing`,
    [...places, JSON.stringify(NO_CALLS)],
  );
  const { rows } = await client.query<ComparisonRow>(
    `select environment, flag, epoch, level, tally_set, legacy, candidate, body_ms, tail_ms from theseus.comparison
     where (environment, flag) in (select * from unnest($1::text[], $2::text[]))
     order by environment, flag for update`,
    places,
  );
  return new Map(rows.map((row) => [placeOf(row), row]));
}

/** An epoch is a version that was served: what claims to be of a later one is made up. */
async function newestVersions(client: Client, additions: readonly Addition[]): Promise<ReadonlyMap<string, number>> {
  const environments = additions.filter(({ reports }) => reports.length > 0).map(({ environment }) => environment);
  if (environments.length === 0) return new Map();
  const { rows } = await client.query<{ name: string; version: string }>(
    'select name, version from theseus.environment where name = any($1)',
    [[...new Set(environments)]],
  );
  return new Map(rows.map(({ name, version }) => [name, Number(version)]));
}

interface Moved {
  readonly environment: string;
  readonly flag: string;
  readonly epoch: number;
  readonly level: number;
  /** Null until there is something to be kept of users. */
  tallySet: number | null;
  /** The set that is done with, where this begins another. */
  readonly replaced: number | null;
  readonly needsSet: boolean;
  readonly reports: readonly FlagUsers[];
  readonly legacy: ComparedArm;
  readonly candidate: ComparedArm;
  readonly marks: LatencyMarks | null;
}

/** The row with the calls added, at the newest epoch and thinnest sample of that epoch; users begin anew where either moved. */
function movedBy(row: ComparisonRow, addition: Addition, newestVersion: number): Moved {
  const credible = addition.reports.filter(({ epoch }) => epoch <= newestVersion);
  const epoch = Math.max(Number(row.epoch), ...credible.map((report) => report.epoch));
  const reports = credible.filter((report) => report.epoch === epoch);
  const levelBefore = epoch === Number(row.epoch) ? row.level : 0;
  const level = Math.max(levelBefore, ...reports.map((report) => report.level));
  const known = row.tally_set === null ? null : Number(row.tally_set);
  const isAnew = epoch > Number(row.epoch) || level > row.level || known === null;
  const begins = reports.length > 0 && isAnew;
  const armOf = (arm: (typeof ARMS)[number]): ComparedArm => {
    const sum = addCalls(row[arm], addition[arm]);
    return begins ? { ...sum, users: NO_USERS } : sum;
  };
  return {
    environment: row.environment,
    flag: row.flag,
    epoch,
    level,
    tallySet: begins ? null : known,
    replaced: begins ? known : null,
    needsSet: begins,
    reports,
    legacy: armOf('legacy'),
    candidate: armOf('candidate'),
    marks: row.body_ms === null || row.tail_ms === null ? null : { bodyMs: row.body_ms, tailMs: row.tail_ms },
  };
}

async function beginSets(client: Client, moved: readonly Moved[]): Promise<void> {
  const anew = moved.filter(({ needsSet }) => needsSet);
  if (anew.length === 0) return;
  const { rows } = await client.query<{ tally_set: string }>(
    `select nextval('theseus.tally_set') as tally_set from generate_series(1, $1)`,
    [anew.length],
  );
  for (const [index, each] of anew.entries()) each.tallySet = Number(rows[index]?.tally_set);
  await client.query('insert into theseus.old_tally_set select * from unnest($1::bigint[])', [
    anew.flatMap(({ replaced }) => (replaced === null ? [] : [replaced])),
  ]);
}

async function saveRows(client: Client, moved: readonly Moved[], sums: ReadonlyMap<number, SumsByArm>): Promise<void> {
  const armOf = ({ tallySet, ...each }: Moved, arm: (typeof ARMS)[number]): string => {
    const grown = tallySet === null ? undefined : sums.get(tallySet)?.[arm];
    return JSON.stringify(grown === undefined ? each[arm] : { ...each[arm], users: addUsers(each[arm].users, grown) });
  };
  await client.query(
    `update theseus.comparison as known set at = now(), epoch = new.epoch, level = new.level, tally_set = new.tally_set,
       legacy = new.legacy, candidate = new.candidate, body_ms = new.body_ms, tail_ms = new.tail_ms
     from unnest($1::text[], $2::text[], $3::bigint[], $4::integer[], $5::bigint[], $6::json[], $7::json[],
         $8::double precision[], $9::double precision[])
       as new (environment, flag, epoch, level, tally_set, legacy, candidate, body_ms, tail_ms)
     where known.environment = new.environment and known.flag = new.flag`,
    [
      moved.map(({ environment }) => environment),
      moved.map(({ flag }) => flag),
      moved.map(({ epoch }) => epoch),
      moved.map(({ level }) => level),
      moved.map(({ tallySet }) => tallySet),
      moved.map((each) => armOf(each, 'legacy')),
      moved.map((each) => armOf(each, 'candidate')),
      moved.map(({ marks }) => marks?.bodyMs ?? null),
      moved.map(({ marks }) => marks?.tailMs ?? null),
    ],
  );
}

function addUsers(left: UserSums, right: UserSums): UserSums {
  return Object.fromEntries(
    (Object.keys(NO_USERS) as (keyof UserSums)[]).map((name) => [name, left[name] + right[name]]),
  ) as unknown as UserSums;
}
