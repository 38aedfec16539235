import type { TelemetryBatch } from '@theseus/core/health';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, testDatabase } from '../../test-support/test-database.ts';
import type { Database } from '../ports/database.ts';
import { compactTelemetry } from './compact-telemetry.ts';
import { migrate, openDatabase } from './database.ts';
import { TelemetryStore } from './telemetry-store.ts';

let postgres: TestDatabase;
let database: Database;
let store: TelemetryStore;

beforeAll(async () => {
  postgres = await testDatabase();
  database = openDatabase({ connectionString: postgres.url, maxConnections: 5, onError: () => undefined });
  await migrate(database);
  store = new TelemetryStore(database);
}, 60_000);

afterAll(async () => {
  await database?.close();
  await postgres?.close();
});

function batch(instance: string, flag: string, sequence: number, requests: number, errors = 0): TelemetryBatch {
  const none = { requests: 0, errors: 0, fallbacks: 0, latency: [] };
  const candidate = { requests, errors, fallbacks: 0, latency: [100, requests] };
  return {
    instance,
    service: 'test',
    sequence,
    servedVersion: sequence,
    flags: { [flag]: { legacy: none, candidate } },
  };
}

const counted = async (flag: string) => (await store.window(flag, 0, Date.now() + 60_000, 'default')).candidate;

describe('TelemetryStore', () => {
  it('adds what is new of cumulative counters, whatever is lost, repeated or late', async () => {
    await store.receive([batch('a', 'one', 1, 10, 1)]);
    await store.receive([batch('a', 'one', 1, 10, 1)]);
    // The second batch is lost; the third holds it all.
    await store.receive([batch('a', 'one', 3, 30, 4)]);
    await store.receive([batch('a', 'one', 2, 20, 2)]);
    await store.receive([batch('b', 'one', 1, 5)]);
    expect(await counted('one')).toEqual({ requests: 35, errors: 4, fallbacks: 0, latency: [100, 35] });
    expect((await store.totals('default'))['one']?.candidate).toEqual({ requests: 35, errors: 4, fallbacks: 0 });
  });

  it('says when an instance serves another version than before', async () => {
    expect(await store.receive([batch('c', 'two', 1, 1)])).toBe(true);
    expect(await store.receive([{ ...batch('c', 'two', 2, 2), servedVersion: 1 }])).toBe(false);
    expect(await store.receive([batch('c', 'two', 3, 3)])).toBe(true);
  });

  it('forgets an instance that says it ends, and keeps its counts', async () => {
    await store.receive([batch('g', 'five', 1, 4)]);
    expect((await store.instances(60_000)).map(({ instance }) => instance)).toContain('g');
    expect(await store.receive([{ ...batch('g', 'five', 2, 6), servedVersion: 1, closing: true }])).toBe(true);
    expect((await store.instances(60_000)).map(({ instance }) => instance)).not.toContain('g');
    await store.receive([{ ...batch('g', 'five', 2, 6), closing: true }]);
    expect((await counted('five')).requests).toBe(6);
  });

  it('knows the counters of living instances after a downtime of weeks', async () => {
    await store.receive([batch('h', 'six', 1, 100)]);
    await database.query(`update theseus.instance set last_seen = last_seen - interval '60 days'`);
    await compactTelemetry(database, Date.now());
    await store.receive([batch('h', 'six', 2, 101)]);
    expect((await counted('six')).requests).toBe(101);
  });

  it('tells since when and until when a flag was heard of, whatever the window', async () => {
    await store.receive([batch('i', 'seven', 1, 1)]);
    const { oldestAt, newestAt, candidate } = await store.window('seven', 0, 1, 'default');
    expect(candidate.requests).toBe(0);
    expect(oldestAt).toBe(newestAt);
    expect(await store.window('never', 0, 1, 'default')).toMatchObject({ oldestAt: null, newestAt: null });
  });

  it('counts many batches of one group as one after another', async () => {
    await store.receive([batch('d', 'three', 1, 1), batch('d', 'three', 2, 7), batch('e', 'three', 1, 2)]);
    expect((await counted('three')).requests).toBe(9);
  });

  it('merges old records without losing a request or a bucket', async () => {
    for (let sequence = 1; sequence <= 6; sequence += 1)
      await store.receive([batch('f', 'four', sequence, sequence * 10)]);
    const before = await counted('four');
    await compactTelemetry(database, Date.now() + 600_000);
    const { rowCount } = await database.query("select from theseus.telemetry where flag = 'four'");
    expect(rowCount).toBeLessThanOrEqual(2);
    expect(await counted('four')).toEqual(before);
    await store.receive([batch('f', 'four', 7, 100)]);
    await compactTelemetry(database, Date.now() + 600_000);
    expect((await counted('four')).requests).toBe(100);
    const fine = await database.query("select from theseus.telemetry where flag = 'four' and fine");
    expect(fine.rowCount).toBe(0);
  });

  it('keeps reported values by run and flag, the newest that fits [CO-10]', async () => {
    const value = { signal: 'complaints', by: 'ana', sample: null, environment: null };
    await store.report({ ...value, value: 1, runId: null, flag: null });
    await store.report({ ...value, value: 2, runId: 'run-1', flag: 'cache' });
    await store.report({ ...value, value: 3, runId: 'run-2', flag: null });
    expect((await store.latest('run-1', 'complaints', 'cache', 'default'))?.value).toBe(2);
    expect((await store.latest('run-1', 'complaints', 'search', 'default'))?.value).toBe(1);
    expect((await store.latest('run-2', 'complaints', null, 'default'))?.value).toBe(3);
    expect(await store.latest('run-1', 'p0', null, 'default')).toBeNull();
  });

  it('keeps instances, counts and reported values of two environments apart, whatever their names [CO-8]', async () => {
    const staging = (sequence: number, requests: number) => ({
      ...batch('twin', 'eight', sequence, requests),
      environment: 'staging',
    });
    await store.receive([batch('twin', 'eight', 5, 100), staging(1, 7)]);
    await store.receive([staging(2, 9), batch('twin', 'eight', 6, 101)]);
    const both = async (of: string) => [
      (await store.window('eight', 0, Date.now() + 60_000, of)).candidate.requests,
      (await store.totals(of))['eight']?.candidate.requests,
    ];
    expect([await both('default'), await both('staging')]).toEqual([
      [101, 101],
      [9, 9],
    ]);
    expect(await both('nowhere')).toEqual([0, undefined]);
    const served = async (of: { environment?: string }) =>
      (await store.instances(60_000, of))
        .filter(({ instance }) => instance === 'twin')
        .map(({ environment, servedVersion }) => [environment, servedVersion]);
    expect(await served({ environment: 'staging' })).toEqual([['staging', 2]]);
    expect(await served({})).toEqual([
      ['default', 6],
      ['staging', 2],
    ]);
    await compactTelemetry(database, Date.now() + 600_000);
    expect([await both('default'), await both('staging')]).toEqual([
      [101, 101],
      [9, 9],
    ]);
  });

  it('reads a value reported for one environment there only, and one for all everywhere [CO-8, CO-10]', async () => {
    const value = { signal: 'bugs', by: 'ana', sample: null, runId: null, flag: null };
    await store.report({ ...value, value: 1, environment: null });
    await store.report({ ...value, value: 2, environment: 'staging' });
    expect((await store.latest('run-1', 'bugs', null, 'staging'))?.value).toBe(2);
    expect((await store.latest('run-1', 'bugs', null, 'production'))?.value).toBe(1);
  });
});
