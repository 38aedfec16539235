import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { Arm } from '@theseus/core/flag';
import type { FeatureReport } from './adapters/feature-report.ts';
import { listeningUrl, nextMessage, startChild, stopChild } from './child-program.ts';
import type { DataFolder } from './data-folder.ts';
import type { ConfigureFront, ServiceUrls } from './front.ts';
import type { LoadReport, StartLoad, StopLoad } from './load.ts';
import type { LoadCounts } from './load-generator.ts';
import { MessageReceiver, type ReceivedMessage } from './message-receiver.ts';
import type { ServerCredentials } from './server-credentials.ts';
import { SERVER_NAMES, type ServerName } from './services/service-catalog.ts';
import { makeOwnDatabase } from './stores/own-database.ts';
import { TheseusServerProcess } from './theseus-server.ts';

export interface SystemOptions {
  readonly folder: DataFolder;
  readonly cliProgram: string;
  readonly pagesPerSecond: number;
  /** A Redis of the user's own as the new cache; the demo's stand-in where absent. */
  readonly redisUrl: string | undefined;
  readonly onServerStarted: (pid: number) => void;
  readonly onServerDied: (how: string) => void;
  /** Something that cannot be mended ended. */
  readonly onBroken: (error: Error) => void;
  readonly onMessage: (message: ReceivedMessage) => void;
  readonly onLoad: (counts: LoadCounts) => void;
}

const USERS = 2_000;
/** Fixed, so that the same people are as busy in every demo. */
const SEED = 20_250_827;
const LEAST_PAGES = 60;
const SLOW_PAGE_MS = 120;
const SERVICE_MEMORY_MB = 32;
const FRONT_MEMORY_MB = 96;
const LOAD_STOP_LIMIT_MS = 45_000;

/** Everything the demo runs: ten services, the two caches' stores, the front, the users, the team's chat, and the Theseus server. */
export class DemoSystem {
  readonly #options: SystemOptions;
  readonly #children: ChildProcess[] = [];
  readonly #receiver: MessageReceiver;
  readonly #server: TheseusServerProcess;
  #services: ServiceUrls | undefined;
  #front: ChildProcess | undefined;
  #frontUrl = '';
  #load: ChildProcess | undefined;
  #counts: LoadCounts = { served: 0, failed: 0, skipped: 0, pace: 0, latencyP95Ms: null, failures: [] };
  #stopped: Promise<void> | undefined;

  constructor(options: SystemOptions) {
    this.#options = options;
    this.#receiver = new MessageReceiver(options.onMessage);
    this.#server = new TheseusServerProcess({
      program: options.cliProgram,
      dataFolder: options.folder.path,
      logs: options.folder.logs,
      onStarted: options.onServerStarted,
      onDied: options.onServerDied,
      onGivenUp: options.onBroken,
    });
  }

  get messages(): MessageReceiver['counts'] {
    return this.#receiver.counts;
  }

  get serverRestarts(): number {
    return this.#server.restarts;
  }

  get services(): ServiceUrls {
    if (this.#services === undefined) throw new Error('the services are not started yet');
    return this.#services;
  }

  /** Starts all but the users. */
  async start(): Promise<{
    readonly frontUrl: string;
    readonly messagesUrl: string;
    readonly theseus: ServerCredentials;
  }> {
    const [services, redisUrl, messagesUrl, theseus] = await Promise.all([
      this.#startServices(),
      listeningUrl(this.#start('redis-like', [], SERVICE_MEMORY_MB)),
      this.#receiver.start(),
      this.#server.start(),
    ]);
    this.#services = services;
    this.#front = this.#start('front', [], FRONT_MEMORY_MB);
    const configure: ConfigureFront = {
      kind: 'configure-front',
      theseusUrl: theseus.url,
      theseusToken: theseus.sdkToken,
      cacheFolder: this.#options.folder.cache,
      services,
      databaseUrl: await makeOwnDatabase(this.#options.folder.path),
      redisUrl: this.#options.redisUrl ?? redisUrl,
    };
    this.#front.send(configure);
    this.#frontUrl = await listeningUrl(this.#front);
    return { frontUrl: this.#frontUrl, messagesUrl, theseus };
  }

  /** Lets the users come. */
  startLoad(frontUrl: string): void {
    const { pagesPerSecond, onLoad } = this.#options;
    const load = this.#start('load', [], FRONT_MEMORY_MB);
    const limits = { target: pagesPerSecond, least: Math.min(pagesPerSecond, LEAST_PAGES), slowMs: SLOW_PAGE_MS };
    const start: StartLoad = { kind: 'start-load', frontUrl, users: USERS, seed: SEED, limits };
    load.send(start);
    load.on('message', (report: LoadReport) => {
      this.#counts = report.counts;
      if (report.kind === 'load-counts') onLoad(report.counts);
    });
    this.#load = load;
  }

  /** Makes one service fail for a share of its requests, from 0 to 1. */
  async plantFault(service: ServerName, arm: Arm, share: number): Promise<void> {
    const response = await fetch(`${this.services[service][arm]}/fault`, {
      method: 'POST',
      body: JSON.stringify({ share }),
    });
    if (!response.ok) throw new Error(`the fault could not be planted: ${response.status}`);
  }

  /** What the adapters in the front have done so far. */
  async features(): Promise<FeatureReport> {
    const response = await fetch(`${this.#frontUrl}/features`);
    if (!response.ok) throw new Error(`the front does not say what its adapters did: ${response.status}`);
    return (await response.json()) as FeatureReport;
  }

  /** Makes the last write of the next action fail. */
  async failNextAction(): Promise<void> {
    const response = await fetch(`${this.#frontUrl}/fault`, { method: 'POST' });
    if (!response.ok) throw new Error(`the fault could not be planted: ${response.status}`);
  }

  /**
   * Sends the users home and waits for what they had asked for; then the front hands in its last telemetry. What its adapters
   * have done is asked in between, when nothing is under way any more.
   */
  async stopTraffic(): Promise<{ readonly load: LoadCounts; readonly features: FeatureReport }> {
    if (this.#load?.connected) {
      const stopped = nextMessage<LoadReport>(this.#load, 'load-stopped', LOAD_STOP_LIMIT_MS);
      const stop: StopLoad = { kind: 'stop-load' };
      this.#load.send(stop);
      this.#counts = (await stopped).counts;
      this.#expectEnd(this.#load);
      await stopChild(this.#load);
    }
    const features = await this.features();
    if (this.#front) {
      this.#expectEnd(this.#front);
      await stopChild(this.#front);
    }
    return { load: this.#counts, features };
  }

  /** Ends everything that was started. May be called at any moment, and again. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    for (const child of this.#children) this.#expectEnd(child);
    // Users first, then what they use, so that nobody sees the demo end as a failure.
    if (this.#load) await stopChild(this.#load);
    if (this.#front) await stopChild(this.#front);
    await Promise.all([...this.#children.map((child) => stopChild(child)), this.#receiver.stop(), this.#server.stop()]);
  }

  async #startServices(): Promise<ServiceUrls> {
    const started = await Promise.all(
      SERVER_NAMES.map(async (service) => {
        const [legacy, candidate] = await Promise.all([
          this.#startService(service, 'legacy'),
          this.#startService(service, 'candidate'),
        ]);
        return [service, { legacy, candidate }] as const;
      }),
    );
    return Object.fromEntries(started) as ServiceUrls;
  }

  #startService(service: ServerName, arm: Arm): Promise<string> {
    return listeningUrl(this.#start('service', [service, arm], SERVICE_MEMORY_MB));
  }

  #start(program: string, args: readonly string[], memoryMb: number): ChildProcess {
    const logFile = join(this.#options.folder.logs, `${[...args, program].join('-')}.log`);
    const child = startChild({ program, args, logFile, memoryMb });
    child.once('exit', (code, signal) => {
      this.#options.onBroken(
        new Error(`${[program, ...args].join(' ')} ended by itself (${signal ?? code}); its log is ${logFile}`),
      );
    });
    this.#children.push(child);
    return child;
  }

  /** From now on its end is not a failure. */
  #expectEnd(child: ChildProcess): void {
    child.removeAllListeners('exit');
    child.on('error', () => undefined);
  }
}
