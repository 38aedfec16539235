import { EventEmitter } from 'node:events';
import { Logger, type Runner, run, runMigrations, type WorkerEvents } from 'graphile-worker';
import type { Database, Queryable } from '../ports/database.ts';

export type Task = (payload: unknown, stopping: AbortSignal) => Promise<void>;

export interface JobWorkerOptions {
  readonly database: Database;
  readonly serverId: string;
  readonly concurrency: number;
  readonly tasks: Readonly<Record<string, Task>>;
  readonly onProblem: (message: string) => void;
}

/** How often jobs whose time has come are looked for, when no notification said so. */
const POLL_MS = 500;
/** A server that has not been heard of for so long is dead, and its jobs are given to others. */
const DEAD_AFTER_MS = 10_000;
const HEARTBEAT_MS = 2_000;

export async function migrateJobs(database: Database): Promise<void> {
  await runMigrations({ pgPool: database.pool, logger: quietLogger(() => undefined) });
}

/** Runs effects and timers as jobs of graphile-worker, and frees those that a dead server had begun. */
export class JobWorker {
  readonly #options: JobWorkerOptions;
  readonly #workerIds = new Set<string>();
  readonly #stopping = new AbortController();
  #runner: Runner | null = null;
  #heartbeat: NodeJS.Timeout | null = null;

  constructor(options: JobWorkerOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { database, concurrency, tasks, onProblem } = this.#options;
    await this.#beat();
    await freeDeadWorkers(database);
    const events: WorkerEvents = new EventEmitter();
    events.on('worker:create', ({ worker }) => void this.#workerIds.add(worker.workerId));
    this.#runner = await run({
      events,
      pgPool: database.pool,
      concurrency,
      pollInterval: POLL_MS,
      noHandleSignals: true,
      logger: quietLogger(onProblem),
      taskList: Object.fromEntries(
        Object.entries(tasks).map(([name, task]) => [name, (payload: unknown) => task(payload, this.#stopping.signal)]),
      ),
    });
    this.#heartbeat = setInterval(() => void this.#keepAlive(), HEARTBEAT_MS);
    await this.#beat();
  }

  async stop(): Promise<void> {
    if (this.#heartbeat !== null) clearInterval(this.#heartbeat);
    this.#stopping.abort();
    await this.#runner?.stop().catch(() => undefined);
    await this.#options.database
      .query('delete from theseus.server where server_id = $1', [this.#options.serverId])
      .catch(() => undefined);
  }

  async #keepAlive(): Promise<void> {
    try {
      await this.#beat();
      await freeDeadWorkers(this.#options.database);
    } catch (error) {
      this.#options.onProblem(
        `could not write the heartbeat: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }

  async #beat(): Promise<void> {
    await this.#options.database.query(
      `insert into theseus.server (server_id, seen_at, worker_ids) values ($1, now(), $2)
       on conflict (server_id) do update set seen_at = now(), worker_ids = excluded.worker_ids`,
      [this.#options.serverId, [...this.#workerIds]],
    );
  }
}

/** Frees the jobs of every worker that belongs to no living server. */
async function freeDeadWorkers(queryable: Queryable): Promise<void> {
  await queryable.query('delete from theseus.server where seen_at < now() - make_interval(secs => $1)', [
    DEAD_AFTER_MS / 1000,
  ]);
  await queryable.query(
    `select graphile_worker.force_unlock_workers(array_agg(distinct locked_by)) from graphile_worker.jobs
     where locked_by is not null and locked_at < now() - interval '1 second'
       and not exists (select from theseus.server where locked_by = any(worker_ids))
     having count(*) > 0`,
  );
}

/** For a database that only this server can use: whoever had begun a job is dead. */
export async function freeAllWorkers(queryable: Queryable): Promise<void> {
  await queryable.query('delete from theseus.server');
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
