import { createHash } from 'node:crypto';
import { errorText, TheseusError } from '@theseus/core/error';
import { Client, escapeIdentifier } from 'pg';
import { type BackupFile, type Kept, keepFile } from './backup-files.ts';
import type { BackupWork } from './backup-work.ts';
import { type Place, placeOf, requireTool, runTool } from './postgres-tools.ts';

const CONNECT_TIMEOUT_MS = 10_000;
/** The signal of work that nothing stops. */
const NEVER = new AbortController().signal;
/** Tables named in an error. */
const NAMED_MOST = 5;

/**
 * Dumps a database with pg_dump, and counts its tables in the very snapshot that is dumped: writes may go on.
 *
 * @throws TheseusError `unsupported` for a tool that is missing or too old, `database-failed` for what the database or the tool refuses
 */
export function dumpDatabase(work: BackupWork, database: string, file: string): Promise<Kept> {
  const place = placeOf(work.fillSecrets(database));
  return keepFile(work.folder, file, (path) =>
    connected(place, work.signal, async (client) => {
      await requireTool(work, 'pg_dump', await majorOf(client));
      // The connection only holds the snapshot while pg_dump works, however long that takes.
      await client.query('set idle_in_transaction_session_timeout = 0');
      await client.query('begin transaction isolation level repeatable read, read only');
      const { rows: exported } = await client.query<{ snapshot: string }>('select pg_export_snapshot() as snapshot');
      const snapshot = exported[0]?.snapshot ?? '';
      await runTool(
        work,
        'pg_dump',
        ['--format=custom', '--no-password', `--snapshot=${snapshot}`, `--file=${path}`],
        place,
      );
      const rows = await countTables(client);
      await client.query('commit');
      return { rows };
    }),
  );
}

/** Restores a dump into a scratch database beside the original, compares the rows of every table, and drops it whatever happens. */
export async function tryRestore(work: BackupWork, database: string, backup: BackupFile): Promise<void> {
  const place = placeOf(work.fillSecrets(database));
  const scratch = scratchName(work);
  const dropScratch = `drop database if exists ${escapeIdentifier(scratch)} with (force)`;
  await connected(place, work.signal, async (client) => {
    await requireTool(work, 'pg_restore', await majorOf(client));
    await client.query(dropScratch);
    await client.query(`create database ${escapeIdentifier(scratch)} template template0`);
  });
  try {
    const there = { ...place, PGDATABASE: scratch };
    const args = [
      '--exit-on-error',
      '--no-owner',
      '--no-privileges',
      '--no-password',
      `--dbname=${scratch}`,
      backup.path,
    ];
    await runTool(work, 'pg_restore', args, there);
    await connected(there, work.signal, async (restored) => requireSameRows(backup, await countTables(restored)));
  } finally {
    // By a connection of its own, which a time-out or a stop does not cut.
    await connected(place, NEVER, (client) => client.query(dropScratch));
  }
}

/** One name for all attempts at one drill: what a worker that died has left is dropped by the next. */
function scratchName({ idempotencyKey }: BackupWork): string {
  return `theseus_drill_${createHash('sha256').update(idempotencyKey).digest('hex').slice(0, 16)}`;
}

/** Puts a database back as the dump has it, in one transaction: all of it, or nothing. Tables made since then stay. */
export async function restoreDatabase(work: BackupWork, database: string, backup: BackupFile): Promise<void> {
  const place = placeOf(work.fillSecrets(database));
  await connected(place, work.signal, async (client) => {
    await requireTool(work, 'pg_restore', await majorOf(client));
    const name = await databaseOf(client);
    const args = [
      '--clean',
      '--if-exists',
      '--single-transaction',
      '--exit-on-error',
      '--no-password',
      `--dbname=${name}`,
    ];
    await runTool(work, 'pg_restore', [...args, backup.path], place);
  });
}

async function connected<Result>(
  place: Place,
  signal: AbortSignal,
  work: (client: Client) => Promise<Result>,
): Promise<Result> {
  const { PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE, PGSSLMODE } = place;
  const client = new Client({
    ...(PGHOST === undefined ? {} : { host: PGHOST }),
    ...(PGPORT === undefined ? {} : { port: Number(PGPORT) }),
    ...(PGUSER === undefined ? {} : { user: PGUSER }),
    // A function keeps the driver from looking for a password of this worker's own for an address of a plan's choice.
    ...(PGPASSWORD === undefined ? {} : { password: () => PGPASSWORD }),
    ...(PGDATABASE === undefined ? {} : { database: PGDATABASE }),
    ...(/^(?:require|verify)/.test(PGSSLMODE ?? '') ? { ssl: { rejectUnauthorized: PGSSLMODE !== 'require' } } : {}),
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  });
  // An idle connection that breaks is told by the next query.
  client.on('error', () => undefined);
  const cut = (): void => void client.end().catch(() => undefined);
  signal.addEventListener('abort', cut, { once: true });
  try {
    await client.connect();
    return await work(client);
  } catch (error) {
    if (error instanceof TheseusError) throw error;
    throw new TheseusError('database-failed', `The database refused: ${errorText(error)}`, { cause: error });
  } finally {
    signal.removeEventListener('abort', cut);
    await client.end();
  }
}

async function majorOf(client: Client): Promise<number> {
  const { rows } = await client.query<{ version: string }>("select current_setting('server_version_num') as version");
  return Math.floor(Number(rows[0]?.version ?? 0) / 10_000);
}

async function databaseOf(client: Client): Promise<string> {
  const { rows } = await client.query<{ name: string }>('select current_database() as name');
  return rows[0]?.name ?? '';
}

async function countTables(client: Client): Promise<Readonly<Record<string, number>>> {
  const { rows: tables } = await client.query<{ schema: string; name: string }>(
    `select namespace.nspname as schema, class.relname as name
       from pg_class class join pg_namespace namespace on namespace.oid = class.relnamespace
      where class.relkind = 'r' and class.relpersistence <> 't'
        and namespace.nspname <> 'information_schema' and namespace.nspname not like 'pg\\_%'
      order by 1, 2`,
  );
  const counts: Record<string, number> = {};
  for (const { schema, name } of tables) {
    const { rows } = await client.query<{ count: string }>(
      `select count(*) as count from ${escapeIdentifier(schema)}.${escapeIdentifier(name)}`,
    );
    counts[`${schema}.${name}`] = Number(rows[0]?.count ?? 0);
  }
  return counts;
}

function requireSameRows({ rows = {} }: BackupFile, restored: Readonly<Record<string, number>>): void {
  const tables = [...new Set([...Object.keys(rows), ...Object.keys(restored)])].sort();
  const other = tables.filter((table) => rows[table] !== restored[table]);
  if (other.length === 0) return;
  const shown = other
    .slice(0, NAMED_MOST)
    .map((table) => `${table} has ${restored[table] ?? 'no'} rows instead of ${rows[table] ?? 'none'}`);
  throw new TheseusError('corrupt-record', `The backup is not what was saved: restored, ${shown.join('; ')}`);
}
