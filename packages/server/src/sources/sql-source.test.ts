import type { SqlSource } from '@theseus/core/plan';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, testDatabase } from '../../test-support/test-database.ts';
import { planSecrets } from '../secrets/fill-secrets.ts';
import { SqlDatabases } from './sql-source.ts';

let postgres: TestDatabase;
const databases = new SqlDatabases(planSecrets(process.env));

beforeAll(async () => {
  postgres = await testDatabase();
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  await client.query('create table tickets (flag text, severity text, open boolean)');
  await client.query(`insert into tickets values ('cache', 'P0', true), ('cache', 'P1', true), ('other', 'P0', false)`);
  await client.end();
  process.env['THESEUS_PLAN_TEST_DATABASE'] = postgres.url;
}, 60_000);

afterAll(async () => {
  await databases.close();
  await postgres?.close();
});

function read(
  query: string,
  { flag = 'cache' as string | null, database = '${{ env.THESEUS_PLAN_TEST_DATABASE }}', scale = 1 } = {},
) {
  const source: SqlSource = { kind: 'sql', query, database, scale };
  const signal = { name: 'tickets', source, unit: 'count', overMs: 60_000, freshForMs: 10_000 } as const;
  return databases.read({ runId: 'r', environment: 'default', signal, flag, since: 0, now: 0 }, source);
}

describe('SqlDatabases', () => {
  it('reads the one number that a query answers [CO-10] [PX-10]', async () => {
    const query = 'select count(*) from tickets where open and flag = ${{ flag }}';
    expect(await read(query)).toEqual({ signal: 'tickets', status: 'ok', value: 2, ageMs: 0, source: 'sql', query });
    expect(await read(query, { flag: 'other' })).toMatchObject({ value: 0 });
    expect(await read('select 0.25', { scale: 100 })).toMatchObject({ value: 25 });
    expect(await read('select avg(1.5)')).toMatchObject({ value: 1.5 });
  });

  it('binds what is judged, so that a name is never a part of the query', async () => {
    expect(await read('select count(*) from tickets where flag = ${{ flag }}', { flag: "' or true --" })).toMatchObject(
      {
        status: 'ok',
        value: 0,
      },
    );
  });

  it.each<[string, string, string, RegExp]>([
    ['no row', 'select 1 where false', 'no-data', /no row/],
    ['null', 'select null::int', 'no-data', /answers null/],
    ['NaN', "select 'NaN'::float8", 'no-data', /not a number/],
    ['a text', "select 'many'", 'no-data', /not a number/],
    ['two rows', 'select generate_series(1, 2)', 'error', /2 rows/],
    ['two columns', 'select 1, 2', 'error', /2 columns/],
    ['a mistake', 'select from where', 'error', /could not be asked: syntax error/],
    ['what writes', 'delete from tickets returning 1', 'error', /read-only transaction/],
    ['two statements', 'select 1; select 2', 'error', /could not be asked/],
    ['what takes too long', 'select pg_sleep(9)::text::int', 'error', /statement timeout/],
  ])('never takes %s for a value [CV-3]', async (_name, query, status, problem) => {
    expect(await read(query)).toMatchObject({ status, value: null, problem: expect.stringMatching(problem) });
  });

  it('shows no secret of the address', async () => {
    const database = 'postgres://ana:pass-word@127.0.0.1:1/none';
    const reading = await read('select 1', { database });
    expect(reading).toMatchObject({ status: 'error', problem: expect.stringContaining('ECONNREFUSED') });
    expect(JSON.stringify(reading)).not.toContain('pass-word');
    expect(await read('select 1', { database: '${{ env.THESEUS_PLAN_TEST_NOT_SET }}' })).toMatchObject({
      status: 'error',
      problem: expect.stringContaining('THESEUS_PLAN_TEST_NOT_SET is not set'),
    });
  });

  it('needs a flag where the query asks for one', async () => {
    expect(await read('select ${{ flag }}', { flag: null })).toMatchObject({ status: 'no-data' });
  });
});
