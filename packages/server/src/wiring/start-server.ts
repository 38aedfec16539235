import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, resolve } from 'node:path';
import { errorText, TheseusError } from '@theseus/core/error';
import { startEmbeddedPostgres } from '../embedded-postgres/embedded-postgres.ts';
import { SILENT_AFTER_MS } from '../engine/confirmation.ts';
import { Doctor } from '../engine/doctor/doctor.ts';
import { FlagCatalogue } from '../engine/flag-catalogue.ts';
import { Fleet } from '../engine/fleet.ts';
import { OverrideDirectory } from '../engine/override-directory.ts';
import { RunDirectory } from '../engine/run-directory.ts';
import { RUNS_CHANNEL, RunEngine } from '../engine/run-engine.ts';
import { steadyClock } from '../engine/steady-clock.ts';
import { SystemSwitch } from '../engine/system-switch.ts';
import { TelemetryIntake } from '../engine/telemetry-intake.ts';
import { WatchMemory } from '../engine/watch-memory.ts';
import { freeAllWorkers, type JobWorker, migrateJobs } from '../graphile-worker/job-worker.ts';
import type { ApiSettings } from '../http-api/api-settings.ts';
import { createHttpApi } from '../http-api/http-api.ts';
import { listen } from '../http-api/listen.ts';
import { API_VERSION } from '../http-api/system-routes.ts';
import type { Database } from '../ports/database.ts';
import type { Log } from '../ports/log.ts';
import type { Machine } from '../ports/machine.ts';
import { AlertStore } from '../postgres/alert-store.ts';
import { compactTelemetry } from '../postgres/compact-telemetry.ts';
import { ComparisonStore } from '../postgres/comparison-store.ts';
import { migrate, openDatabase, reachDatabase } from '../postgres/database.ts';
import { DifferenceStore } from '../postgres/difference-store.ts';
import { ExperimentStore } from '../postgres/experiment-store.ts';
import { FlagStore } from '../postgres/flag-store.ts';
import { FLAGS_CHANNEL } from '../postgres/flag-version.ts';
import { LeaseStore } from '../postgres/lease-store.ts';
import { MachineStore } from '../postgres/machine-store.ts';
import { Notifications } from '../postgres/notifications.ts';
import { RepairStore } from '../postgres/repair-store.ts';
import { RunStore } from '../postgres/run-store.ts';
import { SERVED_CHANNEL, TelemetryStore } from '../postgres/telemetry-store.ts';
import { type NewTokens, newTokens, TokenStore } from '../postgres/token-store.ts';
import { planSecrets } from '../secrets/fill-secrets.ts';
import type { PrometheusPlace } from '../sources/prometheus-client.ts';
import { readCredentials, writeCredentials } from './credentials-file.ts';
import { effectRunners } from './effect-runners.ts';
import { jobWorkerFor } from './job-worker-for.ts';
import { signalReaderFor } from './signal-reader-for.ts';

export interface ServerOptions {
  /** The `.theseus` folder beside the plan: embedded database, credentials. Made when absent. */
  readonly folder: string;
  /** Any PostgreSQL from 14 on; the embedded one when absent. */
  readonly databaseUrl?: string;
  /** Loopback unless told otherwise. */
  readonly host?: string;
  /** 0 takes any free port. */
  readonly port?: number;
  /** Whether commands that plans ask for may run here. */
  readonly allowRun?: boolean;
  /** Whether effects of runs are carried out here; left to workers when false. */
  readonly work?: boolean;
  /** The Prometheus of signals that name none. */
  readonly prometheus?: PrometheusPlace;
  /** Names of environment variables that plans may read besides those that begin with `THESEUS_PLAN_`. */
  readonly planVariables?: readonly string[];
  /** Who may evaluate from where, and how much at once. */
  readonly api?: ApiSettings;
  readonly log?: Log;
  /** Told once, when the very first start has made the tokens. */
  readonly onTokens?: (tokens: NewTokens) => void;
}

export interface TheseusServer {
  readonly url: string;
  readonly credentials: { readonly operatorToken?: string; readonly sdkToken?: string };
  stop(): Promise<void>;
}

export const DEFAULT_PORT = 4400;
const DEFAULT_HOST = '127.0.0.1';
const MAX_CONNECTIONS = 16;
const LEASE_MS = 6_000;
const COMPACT_EVERY_MS = 60_000;
/** Should a notification be lost, changes of flags are found within this time. */
const REFRESH_EVERY_MS = 1_000;
/** Should a server die while it pauses or resumes everything, the others finish it within this time. */
const RECONCILE_EVERY_MS = 2_000;

/** What has been started, in order; stopped in reverse. */
type Stops = (() => Promise<void>)[];

export async function startServer(options: ServerOptions): Promise<TheseusServer> {
  const folder = resolve(options.folder);
  const stops: Stops = [];
  const stop = once(() => stopAll(stops, options.log));
  try {
    await mkdir(folder, { recursive: true, mode: 0o755 });
    const connectionString = await databaseOf(folder, options, stops);
    return await assemble({ ...options, folder }, connectionString, stops, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function assemble(
  options: ServerOptions,
  connectionString: string,
  stops: Stops,
  stop: () => Promise<void>,
): Promise<TheseusServer> {
  const log: Log = options.log ?? (() => undefined);
  const onProblem = (message: string): void => log('warn', message);
  const database = openDatabase({
    connectionString,
    maxConnections: MAX_CONNECTIONS,
    onError: (error) => onProblem(`a database connection broke: ${error.message}`),
  });
  stops.push(() => database.close());
  await reachDatabase(database, connectionString);
  await prepare(database, options.databaseUrl === undefined);
  const tokens = new TokenStore(database);
  const credentials = await firstTokens(tokens, options);
  const parts = engineParts(database, options, log);
  stops.push(() => parts.closeSources());
  await parts.flags.refresh();
  const notifications = listenTo(connectionString, parts, onProblem);
  await notifications.connect();
  stops.push(() => notifications.close());
  const http = createHttpApi({
    runs: parts.directory,
    overrides: new OverrideDirectory({ database, ...parts }),
    system: parts.system,
    doctor: parts.doctor,
    flags: parts.flags,
    flagDirectory: parts.flagDirectory,
    telemetry: parts.intake,
    alerts: new AlertStore(database),
    comparisons: parts.comparisons,
    differences: new DifferenceStore(database),
    tokens,
    health: async () => void (await database.query('select 1')),
    log,
    now: Date.now,
    ...(options.api === undefined ? {} : { settings: options.api }),
  });
  const listening = await listen(http, { host: options.host ?? DEFAULT_HOST, port: options.port ?? DEFAULT_PORT });
  stops.push(() => listening.close());
  parts.place.address = listening.url;
  await parts.worker.start();
  stops.push(() => parts.worker.stop());
  await parts.fleet.begin();
  stops.push(() => parts.fleet.stop());
  stops.push(repeat(() => compactTelemetry(database, Date.now()), COMPACT_EVERY_MS, onProblem));
  stops.push(repeat(() => parts.flags.refresh(), REFRESH_EVERY_MS, onProblem));
  stops.push(repeat(() => parts.system.reconcile(), RECONCILE_EVERY_MS, onProblem));
  if (options.databaseUrl === undefined) await writeCredentials(options.folder, { url: listening.url, ...credentials });
  return { url: listening.url, credentials, stop };
}

async function databaseOf(folder: string, options: ServerOptions, stops: Stops): Promise<string> {
  if (options.databaseUrl !== undefined) return options.databaseUrl;
  if (options.work === false) {
    throw new TheseusError(
      'invalid-argument',
      'A server without work needs workers on the same PostgreSQL: set DATABASE_URL to it, or give --database-url',
    );
  }
  const postgres = await startEmbeddedPostgres({ folder, log: (message) => options.log?.('info', message) });
  stops.push(() => postgres.stop());
  return postgres.connectionString;
}

/** Makes the schema; in a database that is only ours, whoever held anything is dead. */
async function prepare(database: Database, isOurs: boolean): Promise<void> {
  await migrate(database);
  await migrateJobs(database);
  if (!isOurs) return;
  await freeAllWorkers(database);
  await new LeaseStore(database, '', LEASE_MS).seizeAll();
}

/** In the embedded mode tokens are written beside the database before they count, so that a crash cannot lose them. */
async function firstTokens(tokens: TokenStore, options: ServerOptions): Promise<TheseusServer['credentials']> {
  const isEmbedded = options.databaseUrl === undefined;
  const known = isEmbedded ? await readCredentials(options.folder) : null;
  let made: NewTokens | null = null;
  await tokens.createFirst(async () => {
    made = {
      ...newTokens(),
      ...(known?.operatorToken && known.sdkToken ? { operator: known.operatorToken, sdk: known.sdkToken } : {}),
    };
    if (isEmbedded)
      await writeCredentials(options.folder, { url: '', operatorToken: made.operator, sdkToken: made.sdk });
    return made;
  });
  if (made !== null) {
    const { operator, sdk }: NewTokens = made;
    options.onTokens?.({ operator, sdk });
    return { operatorToken: operator, sdkToken: sdk };
  }
  return {
    ...(known?.operatorToken ? { operatorToken: known.operatorToken } : {}),
    ...(known?.sdkToken ? { sdkToken: known.sdkToken } : {}),
  };
}

interface EngineParts {
  readonly runs: RunStore;
  readonly flags: FlagStore;
  readonly flagDirectory: FlagCatalogue;
  readonly intake: TelemetryIntake;
  readonly comparisons: ComparisonStore;
  readonly directory: RunDirectory;
  readonly system: SystemSwitch;
  readonly doctor: Doctor;
  readonly fleet: Fleet;
  readonly worker: JobWorker;
  /** Where the API is, once that is known. */
  readonly place: { address: string | null };
  closeSources(): Promise<void>;
}

function engineParts(database: Database, options: ServerOptions, log: Log): EngineParts {
  const machine = serverMachine(options);
  const clock = steadyClock();
  const onProblem = (message: string): void => log('warn', message);
  const runs = new RunStore();
  const flags = new FlagStore(database);
  const telemetry = new TelemetryStore(database);
  const comparisons = new ComparisonStore(database, flags);
  const metrics = new ExperimentStore(database, flags);
  const memory = new WatchMemory(database, runs);
  const engine = new RunEngine({ database, runs, flags, clock });
  const directory = new RunDirectory({ database, runs, engine, memory, metrics, clock });
  const fillSecrets = planSecrets(process.env, options.planVariables);
  const workFolder = dirname(resolve(options.folder));
  const settings = { allowRun: options.allowRun ?? false, workFolder, log, fillSecrets };
  const sources = signalReaderFor(database, telemetry, { ...settings, metrics, prometheus: options.prometheus });
  const { readAll } = sources;
  const fleet = new Fleet({
    database,
    runs,
    flags,
    telemetry,
    leases: new LeaseStore(database, machine.machineId, LEASE_MS),
    engine,
    memory,
    readAll,
    comparisons,
    repairs: new RepairStore(database, SILENT_AFTER_MS),
    clock,
    leaseMs: LEASE_MS,
    onHealth: (runId) => directory.announce(runId),
    onProblem,
  });
  const place = { address: null as string | null };
  const worker = jobWorkerFor({
    machine,
    register: new MachineStore(database, () => ({ ...machine, ...place })),
    database,
    runs,
    engine,
    runners: effectRunners(sources.histories, settings),
    // Nobody else can come to an embedded database: what may not run here is refused at once instead of waiting.
    takesCommands: settings.allowRun || options.databaseUrl === undefined,
    onProblem,
  });
  const intake = new TelemetryIntake(telemetry, () => fleet.confirm());
  const system = new SystemSwitch({ database, runs, engine });
  const doctor = new Doctor({ database, runs, readAll, fillSecrets, now: Date.now });
  const flagDirectory = new FlagCatalogue({ database, runs, telemetry });
  const closeSources = (): Promise<void> => sources.close();
  return {
    runs,
    flags,
    flagDirectory,
    intake,
    comparisons,
    directory,
    system,
    doctor,
    fleet,
    worker,
    place,
    closeSources,
  };
}

function serverMachine({ allowRun = false, work = true }: ServerOptions): Machine {
  return {
    machineId: randomUUID(),
    kind: 'server',
    host: hostname(),
    pid: process.pid,
    version: API_VERSION,
    address: null,
    worksEffects: work,
    runsCommands: work && allowRun,
  };
}

function listenTo(connectionString: string, parts: EngineParts, onProblem: (message: string) => void): Notifications {
  const refresh = (): void => void parts.flags.refresh().catch((error: unknown) => onProblem(errorText(error)));
  return new Notifications({
    connectionString,
    channels: [FLAGS_CHANNEL, RUNS_CHANNEL, SERVED_CHANNEL],
    onNotification: (channel, payload) => {
      if (channel === FLAGS_CHANNEL) refresh();
      else if (channel === SERVED_CHANNEL) parts.fleet.confirm();
      else {
        void parts.fleet.changed(payload).catch((error: unknown) => onProblem(errorText(error)));
        parts.directory.announce(payload);
      }
    },
    onConnected: () => {
      refresh();
      parts.directory.announceAll();
    },
    onProblem,
  });
}

/** Does something again and again, never twice at once; the returned function ends it. */
function repeat(work: () => Promise<void>, everyMs: number, onProblem: (message: string) => void): () => Promise<void> {
  let running: Promise<void> | null = null;
  const timer = setInterval(() => {
    running ??= work()
      .catch((error: unknown) => onProblem(errorText(error)))
      .finally(() => {
        running = null;
      });
  }, everyMs);
  return async () => {
    clearInterval(timer);
    await running;
  };
}

async function stopAll(stops: Stops, log: Log | undefined): Promise<void> {
  for (const stop of stops.splice(0).reverse()) {
    await stop().catch((error: unknown) => log?.('warn', `while stopping: ${errorText(error)}`));
  }
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | null = null;
  return () => {
    done ??= work();
    return done;
  };
}
