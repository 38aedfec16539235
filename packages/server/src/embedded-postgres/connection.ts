import { setTimeout as pause } from 'node:timers/promises';
import { errorText, TheseusError } from '@theseus/core/error';
import { Client } from 'pg';

const DATABASE = 'theseus';
const POLL_MS = 20;
const CONNECT_LIMIT_MS = 5_000;

/** How the server of a folder is reached. Keep it out of logs: it holds the password. */
export interface Access {
  readonly port: number;
  readonly password: string;
}

export function connectionString({ port, password }: Access, database = DATABASE): string {
  return `postgresql://theseus:${password}@127.0.0.1:${port}/${database}`;
}

export interface ConnectOptions {
  readonly database?: string;
  readonly applicationName: string;
}

/** Opens one connection whose later failure ends it quietly: listen to `end`. */
export async function connect(access: Access, { database, applicationName }: ConnectOptions): Promise<Client> {
  const client = new Client({
    connectionString: connectionString(access, database),
    application_name: applicationName,
    connectionTimeoutMillis: CONNECT_LIMIT_MS,
    keepAlive: true,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return client;
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
}

export interface AnswerWait {
  /** Throws when it is pointless to wait on: the server has died, say. */
  readonly check: () => Promise<void>;
  readonly limitMs: number;
}

/**
 * Waits until the server answers with our password. Crash recovery may take it a while.
 * Returns its own name for its data folder.
 *
 * @throws TheseusError `postgres-unavailable` when it refuses the password, or does not answer within the limit.
 */
export async function waitUntilAnswering(access: Access, { check, limitMs }: AnswerWait): Promise<string> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    try {
      return await askDataFolder(access);
    } catch (error) {
      const code = (error as { code?: string }).code ?? '';
      if (code === '28P01' || code === '28000')
        throw notAnswering(access, 'it refuses the password of this folder', error);
      if (performance.now() > deadline) {
        throw notAnswering(access, `no answer in ${limitMs / 1000} s: ${errorText(error)}`, error);
      }
    }
    await check();
    await pause(POLL_MS);
  }
}

async function askDataFolder(access: Access): Promise<string> {
  const client = await connect(access, { database: 'postgres', applicationName: 'theseus-probe' });
  try {
    const { rows } = await client.query<{ folder: string }>(`select current_setting('data_directory') as folder`);
    return rows[0]?.folder ?? '';
  } finally {
    await client.end();
  }
}

/** Makes the database of Theseus, which initdb does not do. */
export async function ensureDatabase(access: Access): Promise<void> {
  const client = await connect(access, { database: 'postgres', applicationName: 'theseus-setup' });
  try {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [DATABASE]);
    if (rowCount === 0) await client.query(`create database ${DATABASE}`);
  } finally {
    await client.end();
  }
}

function notAnswering({ port }: Access, reason: string, cause: unknown): TheseusError {
  return new TheseusError(
    'postgres-unavailable',
    `Cannot use the embedded PostgreSQL on 127.0.0.1:${port}: ${reason}; see postgres.log beside its data`,
    { cause },
  );
}
