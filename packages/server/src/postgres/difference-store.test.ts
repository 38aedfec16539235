import type { DifferencePath, DifferenceTelemetry, TelemetryBatch } from '@theseus/core/health';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, testDatabase } from '../../test-support/test-database.ts';
import type { Database } from '../ports/database.ts';
import { compactTelemetry } from './compact-telemetry.ts';
import { migrate, openDatabase } from './database.ts';
import { DifferenceStore } from './difference-store.ts';
import { TelemetryStore } from './telemetry-store.ts';

let postgres: TestDatabase;
let database: Database;
let telemetry: TelemetryStore;
let store: DifferenceStore;

beforeAll(async () => {
  postgres = await testDatabase();
  database = openDatabase({ connectionString: postgres.url, maxConnections: 5, onError: () => undefined });
  await migrate(database);
  telemetry = new TelemetryStore(database);
  store = new DifferenceStore(database);
}, 60_000);

afterAll(async () => {
  await database?.close();
  await postgres?.close();
});

const NONE = { requests: 0, errors: 0, fallbacks: 0, latency: [] };

function found(equal: number, ...paths: readonly DifferencePath[]): DifferenceTelemetry {
  const different = paths.reduce((sum, { count }) => sum + count, 0);
  return { compared: equal + different, equal, different, dropped: 0, timedOut: 0, shadowFailed: 0, paths };
}

function path(name: string, count: number, ...texts: readonly string[]): DifferencePath {
  const samples = texts.map((legacy) => ({ legacy, candidate: 'other' }));
  return { path: name, kind: 'changed', count, samples };
}

function batch(
  instance: string,
  sequence: number,
  flag: string,
  differences?: DifferenceTelemetry,
  environment = 'default',
): TelemetryBatch {
  const counted = { legacy: NONE, candidate: NONE, ...(differences === undefined ? {} : { differences }) };
  return { instance, service: 'test', environment, sequence, servedVersion: 1, flags: { [flag]: counted } };
}

describe('DifferenceStore', () => {
  it('counts each difference once, whatever is lost, repeated or late, over all instances [CV-14]', async () => {
    const first = batch('a', 1, 'one', found(10, path('$.price', 2, 'string(4)')));
    await telemetry.receive([first]);
    await telemetry.receive([first]);
    // The second batch is lost; the third holds it all, and the second comes after it.
    await telemetry.receive([batch('a', 3, 'one', found(30, path('$.price', 5, 'string(4)'), path('$.name', 1)))]);
    await telemetry.receive([batch('a', 2, 'one', found(20, path('$.price', 3)))]);
    await telemetry.receive([batch('b', 1, 'one', found(4, path('$.price', 1, 'null')))]);
    const { totals, paths } = await store.differencesOf('one', 'default');
    expect(totals).toMatchObject({ compared: 41, equal: 34, different: 7 });
    expect(paths.map(({ path, count }) => [path, count])).toEqual([
      ['$.price', 6],
      ['$.name', 1],
    ]);
    expect(paths[0]?.samples.map(({ legacy }) => legacy)).toEqual(['string(4)', 'null']);
  });

  it('goes on from what it knew where a batch says nothing of differences', async () => {
    await telemetry.receive([batch('c', 1, 'two', found(10))]);
    await telemetry.receive([batch('c', 2, 'two')]);
    await telemetry.receive([batch('c', 3, 'two', found(11))]);
    expect((await store.differencesOf('two', 'default')).totals.equal).toBe(11);
  });

  it('keeps a hundred places of a flag and five samples of each, and counts the others together', async () => {
    for (const instance of ['d', 'e', 'f']) {
      const paths = Array.from({ length: 40 }, (_, index) => path(`$.${instance}${index}`, 1));
      await telemetry.receive([batch(instance, 1, 'three', found(0, ...paths, path('…', 2)))]);
    }
    const { paths } = await store.differencesOf('three', 'default');
    expect(paths).toHaveLength(101);
    expect(paths.reduce((sum, { count }) => sum + count, 0)).toBe(126);
    // Room is for a hundred places by name; what two instances counted elsewhere comes to the last twenty.
    expect(paths.find((known) => known.path === '…')).toMatchObject({ count: 26, samples: [] });
    for (const [at, text] of ['1', '2', '3', '4', '5', '6', '6'].entries()) {
      await telemetry.receive([batch('g', at, 'four', found(0, path('$', at + 1, text)))]);
    }
    expect((await store.differencesOf('four', 'default')).paths[0]?.samples.map(({ legacy }) => legacy)).toEqual([
      '1',
      '2',
      '3',
      '4',
      '5',
    ]);
  });

  it('tells environments apart [CO-4]', async () => {
    await telemetry.receive([batch('h', 1, 'five', found(3)), batch('h', 1, 'five', found(9), 'staging')]);
    expect((await store.differencesOf('five', 'default')).totals.equal).toBe(3);
    expect((await store.differencesOf('five', 'staging')).totals.equal).toBe(9);
    expect(await store.differencesOf('five', 'production')).toMatchObject({ totals: { since: null }, paths: [] });
  });

  it('keeps how far both sides agree by time, also where no request was routed, and through compaction', async () => {
    await telemetry.receive([batch('i', 1, 'six', found(7, path('$', 1)))]);
    await telemetry.receive([batch('i', 2, 'six', found(10, path('$', 2)))]);
    const agreement = async () => (await telemetry.window('six', 0, Date.now() + 60_000, 'default')).agreement;
    expect(await agreement()).toEqual({ compared: 12, equal: 10 });
    await database.query(`update theseus.telemetry set at = at - interval '10 minutes' where flag = 'six'`);
    await compactTelemetry(database, Date.now());
    expect(await agreement()).toEqual({ compared: 12, equal: 10 });
  });

  it('counts exactly when batches of many instances come at once', async () => {
    const batches = Array.from({ length: 12 }, (_, index) =>
      batch(`many-${index}`, 1, 'seven', found(1, path('$.a', 1), path('$.b', 1))),
    );
    await Promise.all(batches.map((one) => telemetry.receive([one])));
    const { totals, paths } = await store.differencesOf('seven', 'default');
    expect(totals).toMatchObject({ compared: 36, equal: 12 });
    expect(paths.map(({ count }) => count)).toEqual([12, 12]);
  });
});
