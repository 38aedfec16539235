import type { ArmTelemetry } from '@theseus/core/health';
import type { Client, Database, Queryable } from '../ports/database.ts';
import { addArm, EMPTY_ARM } from './arm-counts.ts';
import { deleteOldExperiments } from './experiment-users.ts';
import { deleteOldTallies } from './user-tallies.ts';

const RECORD_MS = 30_000;
const FINE_FOR_MS = 120_000;
const KEEP_TELEMETRY_MS = 35 * 86_400_000;
const KEEP_INSTANCES_MS = 7 * 86_400_000;
const SPANS_PER_ROUND = 2_000;

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
  await deleteOldTallies(database, new Date(now - KEEP_TELEMETRY_MS));
  await deleteOldExperiments(database, new Date(now - KEEP_TELEMETRY_MS));
  const spans = await fineSpans(database, now);
  for (const span of spans) await database.transaction((client) => mergeSpan(client, span));
}

interface FineSpan {
  readonly environment: string;
  readonly flag: string;
  readonly span: Date;
}

async function fineSpans(queryable: Queryable, now: number): Promise<readonly FineSpan[]> {
  const { rows } = await queryable.query<FineSpan>(
    `select distinct environment, flag, date_bin('30 seconds', at, 'epoch') as span from theseus.telemetry
     where fine and at < $1 limit $2`,
    [new Date(now - FINE_FOR_MS), SPANS_PER_ROUND],
  );
  return rows;
}

interface FineRow {
  readonly at: Date;
  readonly legacy: ArmTelemetry;
  readonly candidate: ArmTelemetry;
  readonly compared: string;
  readonly equal: string;
}

async function mergeSpan(client: Client, { environment, flag, span }: FineSpan): Promise<void> {
  const { rows } = await client.query<FineRow>(
    `delete from theseus.telemetry where environment = $4 and flag = $1 and at >= $2 and at < $3
     returning at, legacy, candidate, compared, equal`,
    [flag, span, new Date(span.getTime() + RECORD_MS), environment],
  );
  const [first, ...more] = rows;
  if (first === undefined) return;
  const legacy = rows.reduce((sum, row) => addArm(sum, row.legacy), EMPTY_ARM);
  const candidate = rows.reduce((sum, row) => addArm(sum, row.candidate), EMPTY_ARM);
  await client.query(
    `insert into theseus.telemetry (environment, flag, at, legacy, candidate, compared, equal, fine)
     values ($1, $2, $3, $4, $5, $6, $7, false)`,
    [
      environment,
      flag,
      more.length === 0 ? first.at : span,
      JSON.stringify(legacy),
      JSON.stringify(candidate),
      rows.reduce((sum, { compared }) => sum + Number(compared), 0),
      rows.reduce((sum, { equal }) => sum + Number(equal), 0),
    ],
  );
}
