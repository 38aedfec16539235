import { findBrokenLink, replay, type Verb } from '@theseus/core/rollout';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { phase, plan, ramp } from '../../../core/test-support/given-plan.ts';
import { type TestDatabase, testDatabase } from '../../test-support/test-database.ts';
import { migrateJobs } from '../graphile-worker/job-worker.ts';
import type { Database } from '../ports/database.ts';
import { migrate, openDatabase } from '../postgres/database.ts';
import { FlagStore } from '../postgres/flag-store.ts';
import { LeaseStore } from '../postgres/lease-store.ts';
import { RunStore } from '../postgres/run-store.ts';
import { RunEngine } from './run-engine.ts';

const ana = { kind: 'person', name: 'ana' } as const;
const movingPlan = plan([phase('one', [ramp('one', 'cache'), ramp('one', 'search')])]);

let postgres: TestDatabase;
let database: Database;
let runs: RunStore;
let flags: FlagStore;
let engine: RunEngine;
let number = 0;
let runId = '';

beforeAll(async () => {
  postgres = await testDatabase();
  database = openDatabase({ connectionString: postgres.url, maxConnections: 10, onError: () => undefined });
  await migrate(database);
  await migrateJobs(database);
}, 60_000);

afterAll(async () => {
  await database?.close();
  await postgres?.close();
});

beforeEach(() => {
  runs = new RunStore();
  flags = new FlagStore(database);
  engine = new RunEngine({ database, runs, flags, clock: Date.now });
  number += 1;
  runId = `run-${number}`;
});

const start = (id = runId) =>
  engine.start({ runId: id, plan: renamed(id), planHash: 'sha256:test', actor: ana, reason: 'test' });
const renamed = (id: string) => plan([phase('one', [ramp('one', `cache-${id}`)])]);
const command = (verb: Verb, options = {}) =>
  engine.handle(runId, { kind: 'command', command: { verb, actor: ana, reason: 'test' } }, options);

describe('RunEngine', () => {
  it('stores events linked to each other, and their state, flags and jobs in the same transaction', async () => {
    await start();
    const events = await runs.events(database, runId, 0, 100);
    expect(events.map(({ event }) => event.type)).toEqual([
      'run.started',
      'phase.started',
      'step.started',
      'flag.exposure-changed',
    ]);
    expect(findBrokenLink(events)).toBeNull();
    expect(replay(events.map(({ event }) => event))).toEqual((await new RunStore().read(database, runId))?.state);
    await flags.refresh();
    expect(flags.document('default').flags[`cache-${runId}`]?.exposure).toBe(10_000);
  });

  it('refuses to change or remove what was written [ALL-5]', async () => {
    await start();
    for (const change of [
      `update theseus.event set type = 'x' where run_id = '${runId}'`,
      `delete from theseus.event where run_id = '${runId}'`,
      'truncate theseus.event',
    ]) {
      await expect(database.query(change)).rejects.toThrow('append-only');
    }
  });

  it('carries a repeated command out once [ALL-3]', async () => {
    await start();
    const first = await command({ verb: 'pause' }, { commandId: 'click-1' });
    const again = await command({ verb: 'pause' }, { commandId: 'click-1' });
    expect(again?.events).toEqual(first?.events);
    await command({ verb: 'resume' });
    await command({ verb: 'pause' }, { commandId: 'click-1' });
    expect((await runs.read(database, runId))?.state.status).toBe('running');
  });

  it('lets twenty people press at once and keeps one order [ALL-7]', async () => {
    await start();
    const others = Array.from(
      { length: 4 },
      () => new RunEngine({ database, runs: new RunStore(), flags, clock: Date.now }),
    );
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        (others[index % 4] ?? engine).handle(runId, {
          kind: 'command',
          command: { verb: { verb: index % 2 === 0 ? 'pause' : 'resume' }, actor: ana, reason: `press ${index}` },
        }),
      ),
    );
    const events = await runs.events(database, runId, 0, 100);
    expect(findBrokenLink(events)).toBeNull();
    const presses = events
      .map(({ event }) => event.type)
      .filter((type) => type === 'run.paused' || type === 'run.resumed');
    expect(presses.every((type, index) => type === (index % 2 === 0 ? 'run.paused' : 'run.resumed'))).toBe(true);
  });

  it('drops what a driver writes after its lease has passed to another [ALL-7]', async () => {
    await start();
    const first = new LeaseStore(database, 'server-a', 60_000);
    const epoch = (await first.hold()).find((lease) => lease.runId === runId)?.epoch ?? -1;
    await database.query(`update theseus.run set lease_until = now() - interval '1 second' where run_id = $1`, [runId]);
    const second = new LeaseStore(database, 'server-b', 60_000);
    const taken = (await second.hold()).find((lease) => lease.runId === runId)?.epoch ?? -1;
    expect(taken).toBe(epoch + 1);
    expect((await first.hold()).some((lease) => lease.runId === runId)).toBe(false);
    expect(await engine.handle(runId, { kind: 'timer' }, { epoch })).toBeNull();
    expect(await engine.handle(runId, { kind: 'timer' }, { epoch: taken })).not.toBeNull();
  });

  it('refuses a second run of a flag that is in use or still exposed, and says what to do', async () => {
    await start();
    const same = { plan: renamed(runId), planHash: 'sha256:test', actor: ana, reason: 'test' };
    await expect(engine.start({ runId: `${runId}-again`, ...same })).rejects.toMatchObject({ code: 'conflict' });
    await command({ verb: 'abort' });
    await expect(engine.start({ runId: `${runId}-again`, ...same })).rejects.toThrow('has not ended');
    await confirmAll();
    await engine.start({ runId: `${runId}-again`, ...same });
  });

  it('answers a refusal with its reason and changes nothing', async () => {
    await start();
    await expect(command({ verb: 'approve' })).rejects.toMatchObject({ code: 'invalid-state' });
    await expect(engine.handle('no-such-run', { kind: 'timer' })).rejects.toMatchObject({ code: 'not-found' });
    expect((await runs.events(database, runId, 0, 100)).length).toBe(4);
  });

  it('hands changed flags on as a patch, and a new run as a whole document', async () => {
    await start();
    await flags.refresh();
    const seen: unknown[] = [];
    flags.onChange((document, patch) => void seen.push(patch ?? document.version));
    await command({ verb: 'promote' });
    await flags.refresh();
    expect(seen).toEqual([expect.objectContaining({ from: expect.any(Number), removed: [] })]);
  });

  it('loses nothing of a log that is longer than one commit', async () => {
    await engine.start({
      runId,
      plan: { ...movingPlan, flags: renamed(runId).flags, phases: renamed(runId).phases },
      planHash: 'x',
      actor: ana,
      reason: 'test',
    });
    for (let index = 0; index < 30; index += 1) {
      await command({ verb: index % 2 === 0 ? 'pause' : 'resume' });
    }
    const events = await runs.events(database, runId, 0, 1_000);
    expect(events).toHaveLength(34);
    expect(findBrokenLink(events)).toBeNull();
    expect(findBrokenLink([...events.slice(0, 10), ...events.slice(11)])).toMatchObject({ seq: 11 });
  });
});

async function confirmAll(): Promise<void> {
  const state = (await runs.read(database, runId))?.state;
  for (const flag of Object.values(state?.flags ?? {})) {
    const input = {
      kind: 'exposure-confirmed',
      flag: flag.key,
      revision: flag.changedAtRevision,
      instances: 0,
      silent: 0,
    } as const;
    await engine.handle(runId, input);
  }
}
