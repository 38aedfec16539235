import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { errorText, TheseusError } from '@theseus/core/error';
import { RunEngine } from '../engine/run-engine.ts';
import { steadyClock } from '../engine/steady-clock.ts';
import { type JobWorker, migrateJobs } from '../graphile-worker/job-worker.ts';
import { API_VERSION } from '../http-api/system-routes.ts';
import type { Database } from '../ports/database.ts';
import type { Log } from '../ports/log.ts';
import type { Machine } from '../ports/machine.ts';
import { migrate, openDatabase, reachDatabase } from '../postgres/database.ts';
import { FlagStore } from '../postgres/flag-store.ts';
import { MachineStore } from '../postgres/machine-store.ts';
import { RunStore } from '../postgres/run-store.ts';
import { TelemetryStore } from '../postgres/telemetry-store.ts';
import { type FillSecrets, planSecrets } from '../secrets/fill-secrets.ts';
import type { PrometheusPlace } from '../sources/prometheus-client.ts';
import { type BackupPlace, effectRunners } from './effect-runners.ts';
import { jobWorkerFor } from './job-worker-for.ts';
import { signalReaderFor } from './signal-reader-for.ts';

export interface WorkerOptions {
  /** The PostgreSQL that the servers use. */
  readonly databaseUrl: string;
  /** Whether commands that plans ask for may run here. */
  readonly allowRun: boolean;
  /** Where commands of plans run. */
  readonly workFolder: string;
  /** The Prometheus of signals that name none. */
  readonly prometheus?: PrometheusPlace;
  /** Where backups that plans ask for are kept; none are made here unless given. */
  readonly backups?: BackupPlace;
  /** Names of environment variables that plans may read besides those that begin with `THESEUS_PLAN_`. */
  readonly planVariables?: readonly string[];
  readonly log?: Log;
}

export interface TheseusWorker {
  readonly machineId: string;
  stop(): Promise<void>;
}

/** Many workers share what PostgreSQL has, and each is mostly busy with what it carries out. */
const MAX_CONNECTIONS = 6;

/**
 * Starts a process that carries out effects of runs and does nothing else.
 *
 * @throws TheseusError `invalid-argument` without a database: an embedded one belongs to its server alone.
 */
export async function startWorker(options: WorkerOptions): Promise<TheseusWorker> {
  if (options.databaseUrl === '') {
    throw new TheseusError(
      'invalid-argument',
      'A worker shares the PostgreSQL of its servers: set DATABASE_URL to it, or give --database-url',
    );
  }
  const log: Log = options.log ?? (() => undefined);
  const onProblem = (message: string): void => log('warn', message);
  const database = openDatabase({
    connectionString: options.databaseUrl,
    maxConnections: MAX_CONNECTIONS,
    onError: (error) => onProblem(`a database connection broke: ${error.message}`),
  });
  try {
    await reachDatabase(database, options.databaseUrl);
    await migrate(database);
    await migrateJobs(database);
    const machine = workerMachine(options.allowRun);
    const telemetry = new TelemetryStore(database);
    const fillSecrets = planSecrets(process.env, options.planVariables);
    const sources = signalReaderFor(database, telemetry, { ...options, fillSecrets });
    const worker = workerOn({ database, sources, fillSecrets }, machine, options, log);
    await worker.start();
    return {
      machineId: machine.machineId,
      stop: async () => {
        await worker.stop();
        await sources.close();
        await database.close();
      },
    };
  } catch (error) {
    await database.close().catch((failure: unknown) => onProblem(errorText(failure)));
    throw error;
  }
}

interface Parts {
  readonly database: Database;
  readonly sources: ReturnType<typeof signalReaderFor>;
  readonly fillSecrets: FillSecrets;
}

function workerOn(
  { database, sources: { histories }, fillSecrets }: Parts,
  machine: Machine,
  { allowRun, workFolder, backups }: WorkerOptions,
  log: Log,
): JobWorker {
  const runs = new RunStore();
  return jobWorkerFor({
    machine,
    register: new MachineStore(database, () => machine),
    database,
    runs,
    engine: new RunEngine({ database, runs, flags: new FlagStore(database), clock: steadyClock() }),
    runners: effectRunners(histories, {
      allowRun,
      workFolder,
      log,
      fillSecrets,
      ...(backups === undefined ? {} : { backups }),
    }),
    takesCommands: allowRun,
    onProblem: (message) => log('warn', message),
  });
}

function workerMachine(allowRun: boolean): Machine {
  return {
    machineId: randomUUID(),
    kind: 'worker',
    host: hostname(),
    pid: process.pid,
    version: API_VERSION,
    address: null,
    worksEffects: true,
    runsCommands: allowRun,
  };
}
