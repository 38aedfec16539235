import type { EffectResult } from '@theseus/core/rollout';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { common, phase, plan } from '../../../core/test-support/given-plan.ts';
import { type TestDatabase, testDatabase } from '../../test-support/test-database.ts';
import { migrateJobs } from '../graphile-worker/job-worker.ts';
import type { Database } from '../ports/database.ts';
import type { EffectRunner } from '../ports/effect-runner.ts';
import type { JobClaim } from '../ports/job-claim.ts';
import { migrate, openDatabase } from '../postgres/database.ts';
import { FlagStore } from '../postgres/flag-store.ts';
import { RunStore } from '../postgres/run-store.ts';
import { EffectExecutor } from './effect-executor.ts';
import { RunEngine } from './run-engine.ts';

const ana = { kind: 'person', name: 'ana' } as const;
const done: EffectResult = { outcome: 'succeeded', summary: 'done', durationMs: 1 };
const claimed = (stopping = new AbortController().signal): JobClaim => ({ stopping, isHeld: async () => true });
const running = claimed();

let postgres: TestDatabase;
let database: Database;
let runs: RunStore;
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
  engine = new RunEngine({ database, runs, flags: new FlagStore(database), clock: Date.now });
  number += 1;
  runId = `effects-${number}`;
});

async function startWith(repeatable: boolean): Promise<string> {
  const step = { ...common('one/save'), kind: 'run', command: { argv: ['save'], repeatable }, captures: [] } as const;
  await engine.start({
    runId,
    plan: plan([phase('one', [step])]),
    planHash: 'sha256:test',
    actor: ana,
    reason: 'test',
  });
  return 'one/save#1.1';
}

function executorWith(run: EffectRunner['run'], machineId = 'server-a'): EffectExecutor {
  const runner = { run };
  const runners = { probe: runner, command: runner, message: runner, baseline: runner };
  return new EffectExecutor({ machineId, database, runs, engine, runners });
}

const finished = async () =>
  (await runs.events(database, runId, 0, 100)).flatMap(({ event }) =>
    event.type === 'effect.finished' ? event.result : [],
  );
const hold = async () => (await runs.read(database, runId))?.state.steps['one/save']?.hold?.reason;

describe('EffectExecutor', () => {
  it('carries an effect out once, however often its job runs [ALL-3]', async () => {
    const effectId = await startWith(true);
    let times = 0;
    const executor = executorWith(async () => {
      times += 1;
      return done;
    });
    await executor.execute(runId, effectId, running);
    await executor.execute(runId, effectId, running);
    expect(times).toBe(1);
    expect(await finished()).toHaveLength(1);
  });

  it('does not run a command again that was cut off and is not declared repeatable: it asks a person [ALL-3]', async () => {
    const effectId = await startWith(false);
    // The first server dies while the command runs: its attempt is on record, its result never comes.
    void executorWith(() => new Promise(() => undefined), 'server-dead').execute(runId, effectId, running);
    await waitFor(
      async () =>
        (await database.query('select from theseus.effect_attempt where run_id = $1', [runId])).rowCount === 1,
    );
    let times = 0;
    await executorWith(async () => {
      times += 1;
      return done;
    }).execute(runId, effectId, running);
    expect(times).toBe(0);
    expect((await finished())[0]?.outcome).toBe('unknown');
    expect(await hold()).toBe('outcome-unknown');
  });

  it('repeats one that may be repeated [ALL-3]', async () => {
    const effectId = await startWith(true);
    void executorWith(() => new Promise(() => undefined), 'server-dead').execute(runId, effectId, running);
    await waitFor(
      async () =>
        (await database.query('select from theseus.effect_attempt where run_id = $1', [runId])).rowCount === 1,
    );
    await executorWith(async () => done).execute(runId, effectId, running);
    expect((await finished())[0]?.outcome).toBe('succeeded');
  });

  it('begins nothing in a pause, and is asked again when the run goes on [CO-15]', async () => {
    const effectId = await startWith(false);
    await turn('pause');
    let times = 0;
    const executor = executorWith(async () => {
      times += 1;
      return done;
    });
    await workOff(executor, effectId);
    expect([times, await workOff(executor, effectId)]).toEqual([0, 'no job']);
    await turn('resume');
    await workOff(executor, effectId);
    expect([times, await workOff(executor, effectId)]).toEqual([1, 'no job']);
  });

  it.each([
    ['finishes it, if it may be repeated', true, 1, 'succeeded'],
    ['tells that nobody knows, if it may not', false, 0, 'unknown'],
  ])('loses nothing that was cut off and comes up in a pause: it %s [ALL-3, CO-15]', async (_what, ...expected) => {
    const [repeatable, times, outcome] = expected;
    const effectId = await startWith(repeatable);
    void executorWith(() => new Promise(() => undefined), 'server-dead').execute(runId, effectId, running);
    await waitFor(
      async () =>
        (await database.query('select from theseus.effect_attempt where run_id = $1', [runId])).rowCount === 1,
    );
    await turn('pause');
    let ran = 0;
    const executor = executorWith(async () => {
      ran += 1;
      return done;
    });
    await workOff(executor, effectId);
    await turn('resume');
    await workOff(executor, effectId);
    expect([ran, await finished()]).toMatchObject([times, [{ outcome }]]);
  });

  it('takes whatever a runner throws as a failure with its text', async () => {
    const effectId = await startWith(true);
    await executorWith(() => Promise.reject(new Error('disk full'))).execute(runId, effectId, running);
    expect((await finished())[0]).toMatchObject({ outcome: 'failed', summary: 'disk full' });
    expect(await hold()).toBe('command-failed');
  });

  it('leaves a repeatable effect that a stop interrupted to a later attempt', async () => {
    const effectId = await startWith(true);
    const stopping = new AbortController();
    const executor = executorWith(async () => {
      stopping.abort();
      return { ...done, outcome: 'failed', summary: 'the server is stopping' };
    });
    await expect(executor.execute(runId, effectId, claimed(stopping.signal))).rejects.toMatchObject({
      code: 'cancelled',
    });
    expect(await finished()).toEqual([]);
    await executorWith(async () => done).execute(runId, effectId, running);
    expect((await finished())[0]?.outcome).toBe('succeeded');
  });
});

const turn = (verb: 'pause' | 'resume') =>
  engine.handle(runId, { kind: 'command', command: { verb: { verb }, actor: ana, reason: 'test' } });

/** Carries out the job of an effect as the worker does, if there is one: done once, it is gone. */
async function workOff(executor: EffectExecutor, effectId: string): Promise<'done' | 'no job'> {
  const key = `${runId}/${effectId}`;
  const { rowCount } = await database.query('select from graphile_worker.jobs where key = $1', [key]);
  if (rowCount === 0) return 'no job';
  await executor.execute(runId, effectId, running);
  await database.query('select graphile_worker.remove_job($1)', [key]);
  return 'done';
}

describe('EffectExecutor on a machine that was stopped and wakes up late', () => {
  it('drops its result when another machine has begun the effect meanwhile [ALL-7]', async () => {
    const effectId = await startWith(true);
    let wake: (result: EffectResult) => void = () => undefined;
    const asleep = executorWith(
      () =>
        new Promise((resolve) => {
          wake = resolve;
        }),
      'asleep',
    ).execute(runId, effectId, running);
    const late = expect(asleep).rejects.toMatchObject({ code: 'cancelled' });
    await waitFor(async () => (await attempts()) === 1);
    let finish: (result: EffectResult) => void = () => undefined;
    const awake = executorWith(
      () =>
        new Promise((resolve) => {
          finish = resolve;
        }),
    ).execute(runId, effectId, running);
    await waitFor(async () => (await attempts()) === 2);
    wake({ ...done, summary: 'from the one that slept' });
    await late;
    expect(await finished()).toEqual([]);
    finish(done);
    await awake;
    expect((await finished()).map(({ summary }) => summary)).toEqual(['done']);
  });

  it('begins nothing for a job that is no longer its own [ALL-7]', async () => {
    const effectId = await startWith(true);
    const lost: JobClaim = { ...running, isHeld: async () => false };
    let times = 0;
    const executor = executorWith(async () => {
      times += 1;
      return done;
    });
    await expect(executor.execute(runId, effectId, lost)).rejects.toMatchObject({ code: 'cancelled' });
    expect([times, await attempts()]).toEqual([0, undefined]);
  });

  const attempts = async (): Promise<number | undefined> =>
    (await database.query<{ attempt: number }>('select attempt from theseus.effect_attempt where run_id = $1', [runId]))
      .rows[0]?.attempt;
});

async function waitFor(reached: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (!(await reached())) {
    if (Date.now() > deadline) throw new Error('it did not happen within 5 s');
    await new Promise((resolve) => setImmediate(resolve));
  }
}
