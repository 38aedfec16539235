import { TheseusError } from '@theseus/core/error';
import pg from 'pg';
import type { Client, Database } from '../ports/database.ts';
import { MIGRATIONS } from './migrations.ts';

/** Identifies Theseus among the advisory locks of a shared database. */
const MIGRATION_LOCK = 7_843_001;
const OLDEST_SUPPORTED = 140_000;
/**
 * A transaction that says nothing for so long belongs to a process that was stopped or a machine that is gone: it is
 * undone, so that others get its locks before the leases of its runs have run out.
 */
const SILENT_TRANSACTION_MS = 4_000;

export interface DatabaseOptions {
  readonly connectionString: string;
  readonly maxConnections: number;
  readonly onError: (error: Error) => void;
}

export function openDatabase(options: DatabaseOptions): Database {
  const pool = new pg.Pool({
    connectionString: options.connectionString,
    max: options.maxConnections,
    connectionTimeoutMillis: 10_000,
    idle_in_transaction_session_timeout: SILENT_TRANSACTION_MS,
    // Says in `pg_stat_activity` which process it is.
    application_name: `theseus-${process.pid}`,
  });
  pool.on('error', options.onError);
  // A connection that breaks while it is in use reports the same twice: once here, once to whoever waits for its answer.
  pool.on('connect', (client) => void client.on('error', options.onError));
  return {
    pool,
    query: pool.query.bind(pool) as Database['query'],
    transaction: (work) => inTransaction(pool, work),
    close: () => pool.end(),
  };
}

async function inTransaction<Result>(pool: pg.Pool, work: (client: Client) => Promise<Result>): Promise<Result> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch((failure: Error) => {
      broken = failure;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}

/** Brings the schema up to date; several servers may start at once. Refuses a database from a newer Theseus. */
export async function migrate(database: Database): Promise<void> {
  await requireVersion(database);
  await database.transaction(async (client) => {
    await client.query('select pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
    await client.query('create schema if not exists theseus');
    await client.query(
      'create table if not exists theseus.migration (id integer primary key, at timestamptz not null default now())',
    );
    const { rows } = await client.query<{ id: number }>('select id from theseus.migration');
    const done = new Set(rows.map(({ id }) => id));
    const newest = MIGRATIONS.at(-1)?.id ?? 0;
    const unknown = [...done].find((id) => id > newest);
    if (unknown !== undefined) {
      throw new TheseusError(
        'unsupported',
        `The database was made by a newer Theseus (migration ${unknown}): update this one`,
      );
    }
    for (const { id, sql } of MIGRATIONS.filter((migration) => !done.has(migration.id))) {
      await client.query(sql);
      await client.query('insert into theseus.migration (id) values ($1)', [id]);
    }
  });
}

async function requireVersion(database: Database): Promise<void> {
  const { rows } = await database.query<{ version: number; name: string }>(
    "select current_setting('server_version_num')::integer as version, current_setting('server_version') as name",
  );
  const found = rows[0];
  if (found !== undefined && found.version < OLDEST_SUPPORTED) {
    throw new TheseusError('unsupported', `PostgreSQL ${found.name} is too old: Theseus needs 14 or newer`);
  }
}
