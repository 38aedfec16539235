import type { Watch } from '@theseus/core/health';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { phase, plan, ramp } from '../../../core/test-support/given-plan.ts';
import { type TestDatabase, testDatabase } from '../../test-support/test-database.ts';
import { RunEngine } from '../engine/run-engine.ts';
import { migrateJobs } from '../graphile-worker/job-worker.ts';
import type { Database } from '../ports/database.ts';
import { migrate, openDatabase } from './database.ts';
import { FlagStore } from './flag-store.ts';
import { LeaseStore } from './lease-store.ts';
import { RunStore } from './run-store.ts';

const LEASE_MS = 60_000;

let postgres: TestDatabase;
let database: Database;
const runs = new RunStore();

beforeAll(async () => {
  postgres = await testDatabase();
  database = openDatabase({ connectionString: postgres.url, maxConnections: 10, onError: () => undefined });
  await migrate(database);
  await migrateJobs(database);
  const engine = new RunEngine({ database, runs, flags: new FlagStore(database), clock: Date.now });
  for (const runId of ['one', 'two']) {
    const actor = { kind: 'person', name: 'ana' } as const;
    const moving = plan([phase('one', [ramp('one', runId)])]);
    await engine.start({ runId, plan: moving, planHash: 'sha256:test', actor, reason: 'test' });
  }
}, 60_000);

beforeEach(async () => {
  await database.query('update theseus.run set lease_holder = null, lease_until = null');
});

afterAll(async () => {
  await database?.close();
  await postgres?.close();
});

const held = async (serverId: string): Promise<readonly string[]> =>
  (await new LeaseStore(database, serverId, LEASE_MS).hold()).map(({ runId }) => runId).toSorted();

describe('LeaseStore', () => {
  it('waits for no run whose writer was stopped amid its transaction [ALL-7]', async () => {
    await database.transaction(async (client) => {
      await runs.lock(client, 'one');
      expect(await held('b')).toEqual(['two']);
    });
    expect(await held('b')).toEqual(['one', 'two']);
  });

  it('keeps a lease that lasts while somebody writes the run', async () => {
    await held('a');
    await database.transaction(async (client) => {
      await runs.lock(client, 'one');
      expect(await held('a')).toEqual(['one', 'two']);
    });
    expect(await held('b')).toEqual([]);
  });

  it('lets nobody write what a gate has seen under a lease that has passed on [ALL-7]', async () => {
    const seen = (samples: number) => ({ id: 'one/one', samples }) as unknown as Watch;
    const [first] = await new LeaseStore(database, 'a', LEASE_MS).hold();
    await runs.saveWatches(database, { runId: 'one', epoch: first?.epoch ?? 0 }, [seen(1)]);
    await database.query(`update theseus.run set lease_until = now() - interval '1 second'`);
    await held('b');
    await runs.saveWatches(database, { runId: 'one', epoch: first?.epoch ?? 0 }, [seen(2)]);
    expect([...(await runs.watches(database, 'one')).values()]).toEqual([seen(1)]);
  });
});
