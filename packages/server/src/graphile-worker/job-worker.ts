import { EventEmitter } from 'node:events';
import { type JobHelpers, Logger, type Runner, run, runMigrations, type WorkerEvents } from 'graphile-worker';
import type { Database, Queryable } from '../ports/database.ts';
import type { JobClaim } from '../ports/job-claim.ts';
import type { MachineRegister } from '../ports/machine.ts';

export type Task = (payload: unknown, claim: JobClaim) => Promise<void>;

export interface JobWorkerOptions {
  readonly database: Database;
  readonly register: MachineRegister;
  readonly concurrency: number;
  readonly tasks: Readonly<Record<string, Task>>;
  readonly onProblem: (message: string) => void;
  readonly heartbeatMs?: number;
  readonly deadAfterMs?: number;
}

/** How often jobs whose time has come are looked for, when no notification said so. */
const POLL_MS = 500;
/** A machine that has not been heard of for so long is dead, and its jobs are given to others. */
export const DEAD_AFTER_MS = 10_000;
const HEARTBEAT_MS = 2_000;

export async function migrateJobs(database: Database): Promise<void> {
  await runMigrations({ pgPool: database.pool, logger: quietLogger(() => undefined) });
}

/** Runs effects and timers as jobs of graphile-worker, and frees those that a dead machine had begun. */
export class JobWorker {
  readonly #options: JobWorkerOptions;
  /** By which names jobs are held here: one for each runner that has not ended. */
  readonly #holders = new Set<string>();
  readonly #stopping = new AbortController();
  #runner: Runner | null = null;
  #heartbeat: NodeJS.Timeout | null = null;
  #beating: Promise<void> | null = null;

  constructor(options: JobWorkerOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { heartbeatMs = HEARTBEAT_MS } = this.#options;
    await this.#beat();
    await this.#run();
    await this.#beat();
    this.#heartbeat = setInterval(() => {
      this.#beating ??= this.#keepAlive().finally(() => {
        this.#beating = null;
      });
    }, heartbeatMs);
  }

  async stop(): Promise<void> {
    if (this.#heartbeat !== null) clearInterval(this.#heartbeat);
    this.#stopping.abort();
    await this.#beating;
    await this.#runner?.stop().catch(() => undefined);
    await this.#options.register.leave().catch(() => undefined);
  }

  async #keepAlive(): Promise<void> {
    try {
      await this.#beat();
      if (this.#runner === null && !this.#stopping.signal.aborted) await this.#run();
    } catch (error) {
      this.#options.onProblem(
        `could not write the heartbeat: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }

  async #beat(): Promise<void> {
    const { register, database, deadAfterMs = DEAD_AFTER_MS } = this.#options;
    await register.beat([...this.#holders]);
    await freeDeadHolders(database, deadAfterMs);
  }

  /** A runner gives up for good when the database was away while it wrote down that a job is done: another follows. */
  async #run(): Promise<void> {
    const { database, concurrency, onProblem } = this.#options;
    const events: WorkerEvents = new EventEmitter();
    let holder = '';
    let runner: Runner | null = null;
    const gone = (): void => {
      if (this.#runner === runner) this.#runner = null;
    };
    events.on('pool:create', ({ workerPool }) => {
      holder = workerPool.id;
      this.#holders.add(holder);
    });
    events.on('pool:gracefulShutdown', gone);
    runner = await run({
      events,
      pgPool: database.pool,
      concurrency,
      pollInterval: POLL_MS,
      noHandleSignals: true,
      logger: quietLogger(onProblem),
      // Jobs that are done are taken off in batches of one: only there graphile-worker waits for the answer.
      preset: { worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
      taskList: this.#taskList(() => holder),
    });
    this.#runner = runner;
    // What it still carries out stays its own until it has ended.
    void runner.promise
      .catch((error: unknown) => onProblem(`jobs were interrupted: ${String(error)}`))
      .finally(() => {
        gone();
        this.#holders.delete(holder);
      });
  }

  #taskList(holder: () => string) {
    return Object.fromEntries(
      Object.entries(this.#options.tasks).map(([name, task]) => [
        name,
        (payload: unknown, { job }: JobHelpers) =>
          task(payload, {
            stopping: this.#stopping.signal,
            isHeld: (queryable) => isHeld(queryable, { id: job.id, attempts: job.attempts, holder: holder() }),
          }),
      ]),
    );
  }
}

/** Each taking counts as an attempt, so that even this worker's own earlier taking is told from a later one. */
async function isHeld(
  queryable: Queryable,
  { id, attempts, holder }: { readonly id: string; readonly attempts: number; readonly holder: string },
): Promise<boolean> {
  const { rowCount } = await queryable.query(
    'select from graphile_worker.jobs where id = $1 and attempts = $2 and locked_by = $3',
    [id, attempts, holder],
  );
  return rowCount === 1;
}

/** So long after its start the database has heard everyone who lives: three heartbeats. */
const HEARD_AFTER_MS = 3 * HEARTBEAT_MS;

/**
 * Frees the jobs of everyone who is not heard of any more. While the database itself was away nobody could be heard,
 * so silence from before its last start counts for nothing.
 */
async function freeDeadHolders(queryable: Queryable, deadAfterMs: number): Promise<void> {
  await queryable.query(
    `select graphile_worker.force_unlock_workers(array_agg(distinct locked_by)) from graphile_worker.jobs
     where locked_by is not null and locked_at < now() - make_interval(secs => $1)
       and pg_postmaster_start_time() < now() - make_interval(secs => $2)
       and not exists (
         select from theseus.machine
         where locked_by = any(job_holders) and seen_at >= now() - make_interval(secs => $1)
       )
     having count(*) > 0`,
    [deadAfterMs / 1_000, Math.min(HEARD_AFTER_MS, deadAfterMs) / 1_000],
  );
}

/** For a database that only this server can use: whoever had begun a job is dead. */
export async function freeAllWorkers(queryable: Queryable): Promise<void> {
  await queryable.query('delete from theseus.machine');
  await queryable.query(
    `select graphile_worker.force_unlock_workers(array_agg(distinct locked_by)) from graphile_worker.jobs
     where locked_by is not null having count(*) > 0`,
  );
}

function quietLogger(onProblem: (message: string) => void): Logger {
  return new Logger(() => (level, message) => {
    if (level === 'error') onProblem(message);
  });
}
