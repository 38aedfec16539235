import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';

const NAME = 'cvplus';

/**
 * Makes a database and a role of the application's own beside that of Theseus, on the embedded PostgreSQL of a data
 * folder, and returns how it is reached. An application would have had one long since.
 */
export async function makeOwnDatabase(dataFolder: string): Promise<string> {
  const { port } = JSON.parse(await readFile(join(dataFolder, 'postgres.json'), 'utf8')) as { readonly port: number };
  const theseusPassword = (await readFile(join(dataFolder, 'postgres-password'), 'utf8')).trim();
  const password = randomBytes(24).toString('hex');
  const host = `127.0.0.1:${port}`;
  const client = new pg.Client({ connectionString: `postgresql://theseus:${theseusPassword}@${host}/postgres` });
  await client.connect();
  try {
    await client.query(`create role ${NAME} login password '${password}'`);
    await client.query(`create database ${NAME} owner ${NAME}`);
  } finally {
    await client.end();
  }
  return `postgresql://${NAME}:${password}@${host}/${NAME}`;
}
