import type { RepairTelemetry, TelemetryBatch } from '@theseus/core/health';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, testDatabase } from '../../test-support/test-database.ts';
import type { Database } from '../ports/database.ts';
import { compactTelemetry } from './compact-telemetry.ts';
import { migrate, openDatabase } from './database.ts';
import { RepairStore } from './repair-store.ts';
import { TelemetryStore } from './telemetry-store.ts';

const SILENT_AFTER_MS = 10_000;

let postgres: TestDatabase;
let database: Database;
let telemetry: TelemetryStore;
let store: RepairStore;

beforeAll(async () => {
  postgres = await testDatabase();
  database = openDatabase({ connectionString: postgres.url, maxConnections: 5, onError: () => undefined });
  await migrate(database);
  telemetry = new TelemetryStore(database);
  store = new RepairStore(database, SILENT_AFTER_MS);
}, 60_000);

afterAll(async () => {
  await database?.close();
  await postgres?.close();
});

const NONE = { requests: 0, errors: 0, fallbacks: 0, latency: [] };

function batch(
  [instance, sequence]: readonly [string, number],
  flag: string,
  repairs?: RepairTelemetry,
  more: Partial<TelemetryBatch> = {},
): TelemetryBatch {
  const counted = { legacy: NONE, candidate: NONE, ...(repairs === undefined ? {} : { repairs }) };
  return { instance, service: 'test', sequence, servedVersion: 1, flags: { [flag]: counted }, ...more };
}

const owed = (flag: string, inMs = 0, environment = 'default') => store.repairsOf(flag, environment, Date.now() + inMs);

describe('RepairStore', () => {
  it('adds up what living instances owe at this moment, and no batch twice [CV-6]', async () => {
    expect(await owed('one')).toEqual({ pending: 0, failed: 0, instances: 0, silent: 0 });
    const first = batch(['a', 1], 'one', { pending: 9, failed: 1 });
    await telemetry.receive([first, batch(['b', 1], 'one', { pending: 3, failed: 0 })]);
    await telemetry.receive([first]);
    await telemetry.receive([batch(['c', 1], 'one', { pending: 0, failed: 0 })]);
    expect(await owed('one')).toEqual({ pending: 12, failed: 1, instances: 2, silent: 0 });
    await telemetry.receive([batch(['a', 3], 'one', { pending: 0, failed: 0 })]);
    // Late: it was said before the instance had repaired all.
    await telemetry.receive([batch(['a', 2], 'one', { pending: 5, failed: 0 })]);
    expect(await owed('one')).toEqual({ pending: 3, failed: 0, instances: 1, silent: 0 });
  });

  it('keeps what an instance owed where it says nothing new about it', async () => {
    await telemetry.receive([batch(['d', 1], 'two', { pending: 4, failed: 0 })]);
    await telemetry.receive([batch(['d', 2], 'two')]);
    await telemetry.receive([batch(['d', 3], 'other')]);
    expect(await owed('two')).toMatchObject({ pending: 4, instances: 1 });
  });

  it('never takes the silence of one that owed for repaired, whether it fell silent or ended [CV-6] [CV-9]', async () => {
    await telemetry.receive([
      batch(['e', 1], 'three', { pending: 4, failed: 0 }),
      batch(['f', 1], 'three', { pending: 0, failed: 0 }),
    ]);
    expect(await owed('three', SILENT_AFTER_MS + 5_000)).toEqual({ pending: 0, failed: 0, instances: 0, silent: 1 });
    await telemetry.receive([batch(['e', 2], 'three', undefined, { closing: true })]);
    expect(await owed('three')).toMatchObject({ pending: 0, silent: 1 });
  });

  it('remembers what was owed by an instance that was forgotten weeks ago [CV-6]', async () => {
    await telemetry.receive([batch(['g', 1], 'four', { pending: 1, failed: 0 })]);
    await database.query(`update theseus.instance set last_seen = last_seen - interval '20 days' where instance = 'g'`);
    await telemetry.receive([batch(['h', 1], 'four')]);
    await compactTelemetry(database, Date.now());
    const { rows } = await database.query(`select from theseus.instance where instance = 'g'`);
    expect(rows).toHaveLength(0);
    expect(await owed('four')).toMatchObject({ silent: 1 });
  });

  it('tells environments and flags apart', async () => {
    await telemetry.receive([batch(['i', 1], 'five', { pending: 2, failed: 0 }, { environment: 'staging' })]);
    expect(await owed('five')).toMatchObject({ pending: 0 });
    expect(await owed('five', 0, 'staging')).toMatchObject({ pending: 2 });
    expect(await owed('six', 0, 'staging')).toMatchObject({ pending: 0 });
  });
});
