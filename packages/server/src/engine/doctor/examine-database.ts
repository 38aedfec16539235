import { errorText } from '@theseus/core/error';
import type { Database, Queryable } from '../../ports/database.ts';
import type { Finding } from '../../ports/doctor.ts';
import { MIGRATIONS } from '../../postgres/migrations.ts';
import { findingsOf } from './findings.ts';

const { ok, warn, fail } = findingsOf('database');
const LATENCY_SAMPLES = 5;
/** Every step of a run is a few queries: from here on waiting shows. */
const SLOW_MS = 50;
/** The part of all connections from which on a further machine may find none. */
const CROWDED = 0.8;
/** From here on leases are at risk, which are renewed every two seconds. */
const TOO_SLOW_MS = 1_000;

/** Whether the database answers, how fast, with which schema, and takes writes. */
export async function examineDatabase(database: Database): Promise<readonly Finding[]> {
  try {
    return [
      await version(database),
      await latency(database),
      await connections(database),
      await schema(database),
      await writing(database),
    ];
  } catch (error) {
    return [fail(`it does not answer: ${errorText(error)}`, 'start PostgreSQL, and look at DATABASE_URL')];
  }
}

async function version(queryable: Queryable): Promise<Finding> {
  const { rows } = await queryable.query<{ version: string; up: number }>(
    `select current_setting('server_version') as version,
       extract(epoch from now() - pg_postmaster_start_time())::float8 as up`,
  );
  return ok(`PostgreSQL ${rows[0]?.version}, up for ${Math.round(rows[0]?.up ?? 0)} s`);
}

async function latency(queryable: Queryable): Promise<Finding> {
  const samples: number[] = [];
  for (let sample = 0; sample < LATENCY_SAMPLES; sample += 1) {
    const askedAt = performance.now();
    await queryable.query('select 1');
    samples.push(performance.now() - askedAt);
  }
  const median = samples.toSorted((a, b) => a - b)[Math.floor(LATENCY_SAMPLES / 2)] ?? 0;
  const found = `it answers within ${median.toFixed(1)} ms`;
  const mend = 'bring servers and database closer together, or look what keeps PostgreSQL busy';
  if (median >= TOO_SLOW_MS) return fail(found, mend);
  return median >= SLOW_MS ? warn(found, mend) : ok(found);
}

async function connections(queryable: Queryable): Promise<Finding> {
  const { rows } = await queryable.query<{ used: number; most: number }>(
    `select (select count(*) from pg_stat_activity where backend_type = 'client backend')::int as used,
       current_setting('max_connections')::int as most`,
  );
  const { used = 0, most = 1 } = rows[0] ?? {};
  const found = `${used} of its ${most} connections are in use`;
  if (used < most * CROWDED) return ok(found);
  return warn(found, 'raise max_connections: a server takes up to 17, a worker up to 7');
}

async function schema(queryable: Queryable): Promise<Finding> {
  const newest = MIGRATIONS.at(-1)?.id ?? 0;
  const { rows } = await queryable.query<{ there: boolean }>(
    `select to_regclass('theseus.migration') is not null as there`,
  );
  if (rows[0]?.there !== true) return fail('there is no schema of Theseus in it', "run 'theseus serve' on it once");
  const { rows: done } = await queryable.query<{ id: number }>('select max(id) as id from theseus.migration');
  const id = done[0]?.id ?? 0;
  if (id < newest) return fail(`its schema is at migration ${id} of ${newest}`, 'restart a server of this version');
  if (id > newest) return fail(`its schema is newer (${id}) than this Theseus (${newest})`, 'update this machine');
  return ok(`its schema is current (migration ${id})`);
}

/** Really writes, a row that stays as it is: a full disk or a stand-by shows in nothing less. */
async function writing(queryable: Queryable): Promise<Finding> {
  try {
    await queryable.query('update theseus.migration set at = at where id = 1');
    return ok('it takes writes');
  } catch (error) {
    return fail(
      `it takes no writes: ${errorText(error)}`,
      'point DATABASE_URL at the primary, and look at its disk and at the rights of its user',
    );
  }
}
