import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { phase, plan, ramp } from '../../../core/test-support/given-plan.ts';
import { type TestDatabase, testDatabase } from '../../test-support/test-database.ts';
import type { Database } from '../ports/database.ts';
import { migrate, openDatabase } from './database.ts';
import { FlagStore } from './flag-store.ts';
import { MIGRATIONS } from './migrations.ts';
import { RunStore } from './run-store.ts';
import { TelemetryStore } from './telemetry-store.ts';

let postgres: TestDatabase;
let database: Database;

beforeAll(async () => {
  postgres = await testDatabase();
  database = openDatabase({ connectionString: postgres.url, maxConnections: 5, onError: () => undefined });
}, 60_000);

afterAll(async () => {
  await database?.close();
  await postgres?.close();
});

/** The last migration before environments had names. */
const BEFORE_ENVIRONMENTS = 2;
const ARM = JSON.stringify({ requests: 3, errors: 0, fallbacks: 0, latency: [] });

/** A database as a server from before environments left it, in the middle of a run. */
async function fillOldDatabase(): Promise<void> {
  await database.query('create schema theseus');
  await database.query(
    'create table theseus.migration (id integer primary key, at timestamptz not null default now())',
  );
  for (const { id, sql } of MIGRATIONS.filter((migration) => migration.id <= BEFORE_ENVIRONMENTS)) {
    await database.query(sql);
    await database.query('insert into theseus.migration (id) values ($1)', [id]);
  }
  const { environment: _e, after: _a, contentHash: _c, ...old } = plan([phase('one', [ramp('one', 'cache')])]);
  await database.query(
    `insert into theseus.run (run_id, plan_name, plan_hash, plan, state, revision, last_hash, last_at, active, flush_every_ms)
     values ('old', 'moving', 'x', $1, '{"runId": "old", "revision": 4}', 4, 'h', 0, true, 700)`,
    [JSON.stringify(old)],
  );
  const definition = JSON.stringify({ key: 'cache', exposure: 10_000 });
  await database.query(`insert into theseus.flag values ('cache', 'old', $1, 5)`, [definition]);
  await database.query('update theseus.flag_version set version = 7');
  await database.query(`insert into theseus.segment values ('moving/internal', '{"key": "moving/internal"}')`);
  await database.query(`insert into theseus.instance values ('i', 'front', 9, 7, now(), $1)`, [
    JSON.stringify({ cache: { legacy: JSON.parse(ARM), candidate: JSON.parse(ARM) } }),
  ]);
  await database.query(`insert into theseus.telemetry values ('cache', now(), $1, $1)`, [ARM]);
  await database.query(`insert into theseus.telemetry_total values ('cache', $1, $1)`, [ARM]);
  await database.query(
    `insert into theseus.reported (signal, value, reported_by, at) values ('complaints', 4, 'ana', now())`,
  );
}

describe('the migrations', () => {
  it('take what was there before environments had names to the default one, and go on counting [CO-8]', async () => {
    await fillOldDatabase();
    await migrate(database);
    const flags = new FlagStore(database);
    await flags.refresh();
    expect(flags.document('default')).toMatchObject({
      version: 7,
      flushEveryMs: 700,
      flags: { cache: { exposure: 10_000 } },
      segments: { 'moving/internal': {} },
    });
    const run = await new RunStore().read(database, 'old');
    expect(run?.state.plan).toMatchObject({ name: 'moving', environment: 'default', after: null, contentHash: '' });
    const telemetry = new TelemetryStore(database);
    const arm = { requests: 4, errors: 0, fallbacks: 0, latency: [] };
    const batch = { instance: 'i', service: 'front', sequence: 10, servedVersion: 7 };
    await telemetry.receive([{ ...batch, flags: { cache: { legacy: arm, candidate: arm } } }]);
    expect((await telemetry.totals('default'))['cache']?.candidate.requests).toBe(4);
    expect((await telemetry.window('cache', 0, Date.now() + 60_000, 'default')).candidate.requests).toBe(4);
    expect((await telemetry.latest('old', 'complaints', null, 'default'))?.value).toBe(4);
    expect(await telemetry.latest('old', 'complaints', null, 'staging')).toBeNull();
  });

  it('are in the order of their numbers, each of which is there once', () => {
    const ids = MIGRATIONS.map(({ id }) => id);
    expect(ids).toEqual([...new Set(ids)].toSorted((left, right) => left - right));
  });

  it('leave nothing that is dropped or merged by its age to be searched for row by row', async () => {
    const plans: string[] = [];
    await database.transaction(async (client) => {
      // A small table is read whole whatever indexes it has.
      await client.query('set local enable_seqscan = off');
      for (const query of [
        'delete from theseus.telemetry where at < now()',
        'select from theseus.telemetry where fine and at < now()',
        'delete from theseus.reported where at < now()',
        'delete from theseus.alert where not firing and heard_at < now()',
        'select max(last_seen) from theseus.instance',
      ]) {
        const { rows } = await client.query<{ 'QUERY PLAN': string }>(`explain ${query}`);
        plans.push(rows.map((row) => row['QUERY PLAN']).join('\n'));
      }
    });
    for (const found of plans) expect(found).toMatch(/Index/);
  });
});
