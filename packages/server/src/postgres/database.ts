import { TheseusError } from '@theseus/core/error';
import pg from 'pg';
import type { Client, Database } from '../ports/database.ts';
import { MIGRATIONS } from './migrations.ts';
import { unreachableDatabase } from './unreachable-database.ts';

/** Identifies Theseus among the advisory locks of a shared database. */
const MIGRATION_LOCK = 7_843_001;
const OLDEST_SUPPORTED = 140_000;
/**
 * A transaction that says nothing for so long belongs to a process that was stopped or a machine that is gone: it is
 * undone, so that others get its locks before the leases of its runs have run out.
 */
const SILENT_TRANSACTION_MS = 4_000;
/** What takes PostgreSQL longer is ended by it: no request and no driver waits for ever. */
const LONGEST_STATEMENT_MS = 30_000;
/** A database that has not answered by then is gone, with its machine or the way there: its connection is given up. */
const LONGEST_ANSWER_MS = 35_000;
/** A dead connection that nobody uses is found by asking now and then. */
const KEEP_ALIVE_MS = 10_000;
/** Changes of the schema take as long as they take. */
const LONGEST_MIGRATION_MS = 6 * 3_600_000;

export interface DatabaseOptions {
  readonly connectionString: string;
  readonly maxConnections: number;
  readonly onError: (error: Error) => void;
  /** 35 s unless given. */
  readonly longestAnswerMs?: number;
}

export function openDatabase(options: DatabaseOptions): Database {
  const pool = new pg.Pool({
    connectionString: options.connectionString,
    max: options.maxConnections,
    connectionTimeoutMillis: 10_000,
    idle_in_transaction_session_timeout: SILENT_TRANSACTION_MS,
    statement_timeout: LONGEST_STATEMENT_MS,
    query_timeout: options.longestAnswerMs ?? LONGEST_ANSWER_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
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
    await client.query('set local statement_timeout = 0');
    await client.query(patient('select pg_advisory_xact_lock($1)', [MIGRATION_LOCK]));
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
      await client.query(patient(sql));
      await client.query('insert into theseus.migration (id) values ($1)', [id]);
    }
  });
}

/** A query that may take longer than others. pg reads the limit of each query, which its types do not know. */
function patient(text: string, values: readonly unknown[] = []): pg.QueryConfig {
  const config: pg.QueryConfig & { readonly query_timeout: number } = { text, query_timeout: LONGEST_MIGRATION_MS };
  return values.length === 0 ? config : { ...config, values: [...values] };
}

/**
 * Asks the database for the first time.
 *
 * @throws TheseusError `unreachable` with the mend, without the password
 */
export async function reachDatabase(database: Database, connectionString: string): Promise<void> {
  try {
    await database.query('select 1');
  } catch (error) {
    throw unreachableDatabase(connectionString, error) ?? error;
  }
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
