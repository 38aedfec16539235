import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres } from '../src/embedded-postgres/embedded-postgres.ts';

export interface TestDatabase {
  /** A fresh, empty database. */
  readonly url: string;
  close(): Promise<void>;
}

/** A fresh database on the PostgreSQL of DATABASE_URL, or on an embedded one of its own where none is given. */
export async function testDatabase(): Promise<TestDatabase> {
  const given = process.env['DATABASE_URL'];
  if (given !== undefined && given !== '') return freshDatabase(given, async () => undefined);
  const folder = await mkdtemp(join(tmpdir(), 'theseus-test-'));
  await chmod(folder, 0o755);
  const postgres = await startEmbeddedPostgres({ folder });
  return freshDatabase(postgres.connectionString, async () => {
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  });
}

async function freshDatabase(server: string, closeServer: () => Promise<void>): Promise<TestDatabase> {
  const name = `theseus_test_${randomBytes(6).toString('hex')}`;
  await withClient(server, (client) => client.query(`create database ${name}`));
  const url = new URL(server);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    close: async () => {
      await withClient(server, (client) => client.query(`drop database ${name} with (force)`));
      await closeServer();
    },
  };
}

async function withClient(url: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
