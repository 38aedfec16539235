import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, testDatabase } from '../../test-support/test-database.ts';
import type { Database } from '../ports/database.ts';
import type { MachineKind } from '../ports/machine.ts';
import { migrate, openDatabase } from '../postgres/database.ts';
import { MachineStore } from '../postgres/machine-store.ts';
import { JobWorker, type JobWorkerOptions, migrateJobs } from './job-worker.ts';

const HEARTBEAT_MS = 50;
const DEAD_AFTER_MS = 1_000;

let postgres: TestDatabase;
let database: Database;
const workers: JobWorker[] = [];

beforeAll(async () => {
  postgres = await testDatabase();
  database = openDatabase({ connectionString: postgres.url, maxConnections: 20, onError: () => undefined });
  await migrate(database);
  await migrateJobs(database);
}, 60_000);

afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.stop()));
});

afterAll(async () => {
  await database?.close();
  await postgres?.close();
});

async function startWorker(machineId: string, tasks: JobWorkerOptions['tasks']): Promise<void> {
  const machine = {
    machineId,
    kind: 'worker' as MachineKind,
    host: 'test',
    pid: 1,
    version: '0',
    address: null,
    worksEffects: true,
    runsCommands: false,
  };
  const worker = new JobWorker({
    database,
    register: new MachineStore(database, () => machine),
    concurrency: 2,
    tasks,
    heartbeatMs: HEARTBEAT_MS,
    deadAfterMs: DEAD_AFTER_MS,
    onProblem: () => undefined,
  });
  workers.push(worker);
  await worker.start();
}

const addJob = (task: string) => database.query('select graphile_worker.add_job($1, max_attempts := 25)', [task]);
const ageMs = async (task: string): Promise<number> =>
  (
    await database.query<{ age: number }>(
      `select (extract(epoch from now() - locked_at) * 1000)::float8 as age from graphile_worker.jobs
       where task_identifier = $1`,
      [task],
    )
  ).rows[0]?.age ?? 0;

describe('JobWorker', () => {
  it('leaves a long job to the machine that carries it out for as long as that one lives [ALL-3, ALL-7]', async () => {
    let begun = 0;
    let end: () => void = () => undefined;
    const long = () =>
      new Promise<void>((resolve) => {
        begun += 1;
        end = resolve;
      });
    await startWorker('one', { long });
    await startWorker('two', { long });
    await addJob('long');
    // Longer than the grace in which a job may be held by a name that was not announced yet, and many heartbeats.
    await until(async () => (await ageMs('long')) > 1_500);
    expect(begun).toBe(1);
    end();
    await until(async () => (await jobs()) === 0);
  });

  it('takes over the job of a machine that is no longer heard of [ALL-7]', async () => {
    await startWorker('alive', { left: async () => undefined });
    await database.query(
      `insert into theseus.machine
         (machine_id, kind, host, pid, version, works_effects, runs_commands, job_holders, seen_at, clock_ahead_ms)
       values ('dead', 'worker', 'test', 2, '0', true, false, '{pool-dead}', now(), 0)`,
    );
    await database.query(`select graphile_worker.add_job('left', run_at := now() + interval '1 hour')`);
    await database.query(
      `update graphile_worker._private_jobs set locked_by = 'pool-dead', locked_at = now(), run_at = now()`,
    );
    await until(async () => (await jobs()) === 0);
    const { rows } = await database.query(
      `select now() - seen_at > interval '1 second' as silent from theseus.machine where machine_id = 'dead'`,
    );
    expect(rows).toEqual([{ silent: true }]);
  });

  it('tells a claim that was lost from one that stands', async () => {
    const seen: boolean[] = [];
    await startWorker('three', {
      claimed: async (_payload, claim) => {
        seen.push(await claim.isHeld(database));
        await database.query(`update graphile_worker._private_jobs set attempts = attempts + 1`);
        seen.push(await claim.isHeld(database));
      },
    });
    await addJob('claimed');
    await until(async () => seen.length === 2);
    expect(seen).toEqual([true, false]);
  });

  it('goes on with new jobs after its connections were cut while it finished one [ALL-3]', async () => {
    const cut = async (): Promise<void> => {
      await database.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
      );
      // The very statement with which the job is taken off fails, as it does when PostgreSQL dies just then.
      await patiently('alter table graphile_worker._private_jobs rename to moved');
      setTimeout(() => void patiently('alter table graphile_worker.moved rename to _private_jobs'), 300);
    };
    const done: string[] = [];
    await startWorker('four', { cut, next: async () => void done.push('next') });
    await addJob('cut');
    const isThere = async (table: string): Promise<boolean> =>
      (await patiently(`select to_regclass('graphile_worker.${table}') as there`)).rows[0]?.there !== null;
    await until(() => isThere('moved'));
    await until(() => isThere('_private_jobs'));
    await addJob('next');
    await until(() => done.length > 0);
    expect(done).toEqual(['next']);
  });
});

/** The connections that are cut are this test's own too: whatever was sent over one of them is sent again. */
async function patiently(sql: string): Promise<{ readonly rows: readonly { readonly there?: string | null }[] }> {
  for (;;) {
    try {
      return await database.query(sql);
    } catch (error) {
      if (!/terminat|clos|ECONNRESET|EPIPE/i.test(String(error))) throw error;
    }
  }
}

const jobs = async (): Promise<number> => (await database.query('select from graphile_worker.jobs')).rowCount ?? 0;

async function until(reached: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + 8_000;
  while (!(await reached())) {
    if (Date.now() > deadline) throw new Error(`it did not happen within 8 s: ${String(reached)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
