import { errorText } from '@theseus/core/error';
import type { Reading } from '@theseus/core/health';
import type { SqlSource } from '@theseus/core/plan';
import pg from 'pg';
import type { ReadingRequest } from '../ports/reading-request.ts';
import type { FillSecrets } from '../secrets/fill-secrets.ts';
import { asksForFlag, bindSql } from './placeholders.ts';
import { noReading, valueReading } from './reading.ts';

const TIMEOUT_MS = 5_000;
/** Signals ask for one number each; more connections than this are others' to have. */
const MOST_CONNECTIONS = 2;
const IDLE_MS = 60_000;
/** Databases that plans may name at once; the oldest is let go for a new one. */
const MOST_DATABASES = 20;

/** The databases that signals ask, each with few connections that end when nobody asks any more. */
export class SqlDatabases {
  readonly #pools = new Map<string, pg.Pool>();
  readonly #fill: FillSecrets;

  constructor(fill: FillSecrets) {
    this.#fill = fill;
  }

  /** The number that a query answers, read in a transaction that may not write. */
  async read({ signal, flag, environment }: ReadingRequest, source: SqlSource): Promise<Reading> {
    const of = { signal: signal.name, source: 'sql', query: source.query };
    if (flag === null && asksForFlag(source.query)) {
      return noReading(of, 'no-data', 'the query asks for a flag, and none is watched here');
    }
    let secret = '';
    try {
      const address = this.#fill(source.database);
      secret = passwordIn(address);
      const rows = await this.#ask(address, bindSql(source.query, { flag, environment }));
      const [row, ...more] = rows;
      if (row === undefined) return noReading(of, 'no-data', 'the query answers no row');
      if (more.length > 0) return noReading(of, 'error', `the query answers ${rows.length} rows: it must answer one`);
      if (row.length !== 1)
        return noReading(of, 'error', `the query answers ${row.length} columns: it must answer one`);
      if (row[0] === null) return noReading(of, 'no-data', 'the query answers null');
      const reading = valueReading(of, row[0]);
      return reading.value === null ? reading : { ...reading, value: reading.value * source.scale };
    } catch (error) {
      const text = errorText(error);
      const told = secret === '' ? text : text.replaceAll(secret, '…');
      return noReading(of, 'error', `the database could not be asked: ${told}`);
    }
  }

  async close(): Promise<void> {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map((pool) => pool.end()));
  }

  async #ask(
    address: string,
    { text, values }: { readonly text: string; readonly values: readonly string[] },
  ): Promise<readonly (readonly unknown[])[]> {
    const client = await this.#poolOf(address).connect();
    let broken: Error | undefined;
    try {
      await client.query('begin transaction read only');
      const { rows } = await client.query({ text, values: [...values], rowMode: 'array' });
      return rows as readonly (readonly unknown[])[];
    } finally {
      await client.query('rollback').catch((failure: Error) => {
        broken = failure;
      });
      client.release(broken);
    }
  }

  #poolOf(address: string): pg.Pool {
    const known = this.#pools.get(address);
    if (known !== undefined) return known;
    const [oldest] = this.#pools;
    if (oldest !== undefined && this.#pools.size >= MOST_DATABASES) {
      this.#pools.delete(oldest[0]);
      void oldest[1].end();
    }
    const pool = new pg.Pool({
      connectionString: address,
      max: MOST_CONNECTIONS,
      idleTimeoutMillis: IDLE_MS,
      connectionTimeoutMillis: TIMEOUT_MS,
      statement_timeout: TIMEOUT_MS,
      application_name: 'theseus-signals',
      allowExitOnIdle: true,
    });
    // A connection that breaks while idle is no news: the next reading asks for another.
    pool.on('error', () => undefined);
    this.#pools.set(address, pool);
    return pool;
  }
}

function passwordIn(address: string): string {
  try {
    return decodeURIComponent(new URL(address).password);
  } catch {
    return '';
  }
}
