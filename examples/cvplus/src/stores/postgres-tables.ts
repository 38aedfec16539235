import pg from 'pg';

/** Beyond this many a query waits for a connection. */
const CONNECTIONS = 10;
const CONNECT_LIMIT_MS = 5_000;
const QUERY_LIMIT_MS = 10_000;

const TABLES = `
  create unlogged table if not exists cache_entries (
    key text primary key, value jsonb not null, ends_at timestamptz
  );
  create table if not exists workflows (
    subject text primary key,
    pin text not null,
    stage text not null default '',
    -- The arm of each step that was done, as one letter.
    arms text not null default ''
  );
  create table if not exists finished_workflows (
    id bigint generated always as identity primary key,
    arms text not null,
    -- Whether new work of this user had gone to the other arm by then.
    outlived_move boolean not null
  );
  create table if not exists bookings (
    idempotency_key text primary key, action text not null, arm text not null, account text not null,
    amount integer not null
  );
  create index if not exists bookings_by_action on bookings (action);
  create table if not exists announcements (action text primary key, arm text not null);
`;

/** Connections to the application's own database. */
export function openPool(url: string): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: CONNECTIONS,
    connectionTimeoutMillis: CONNECT_LIMIT_MS,
    query_timeout: QUERY_LIMIT_MS,
    application_name: 'cvplus',
  });
  // One that breaks while idle is replaced; a query that breaks says so itself.
  pool.on('error', () => undefined);
  return pool;
}

/** Makes what is not there yet; may be called again. */
export async function makeTables(pool: pg.Pool): Promise<void> {
  await pool.query(TABLES);
}
