import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startChild, stopChild } from './child-program.ts';
import { readCredentials, type ServerCredentials } from './server-credentials.ts';
import type { KeeperMessage, StartServer } from './server-keeper.ts';

export interface TheseusServerOptions {
  readonly program: string;
  readonly dataFolder: string;
  readonly logs: string;
  /** It answers, for the first time or again. */
  readonly onStarted: (pid: number) => void;
  /** It ended without being asked to; it is being started again. */
  readonly onDied: (how: string) => void;
  /** It died so often in a row that starting it again is pointless. */
  readonly onGivenUp: (error: Error) => void;
}

const LOOK_EVERY_MS = 50;
const START_LIMIT_MS = 90_000;
/** The keeper may have to start and stop the server once more to stop its database. */
const STOP_LIMIT_MS = 60_000;
const DEATHS_BEFORE_READY_LIMIT = 5;
const KEEPER_MEMORY_MB = 32;

/** The Theseus server of the demo, in a process of its own that anybody may kill: it is started again. */
export class TheseusServerProcess {
  readonly #options: TheseusServerOptions;
  readonly #keeper: ChildProcess;
  #stopping = false;
  #restarts = 0;
  #deathsBeforeReady = 0;
  #pid = 0;
  #announced = 0;

  constructor(options: TheseusServerOptions) {
    this.#options = options;
    const logFile = join(options.logs, 'keeper.log');
    this.#keeper = startChild({ program: 'server-keeper', logFile, memoryMb: KEEPER_MEMORY_MB, detached: true });
    this.#keeper.on('message', (message: KeeperMessage) => this.#onMessage(message));
  }

  /** How often it was started again. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Starts it for the first time; resolves when it answers. */
  async start(): Promise<ServerCredentials> {
    this.#spawn();
    return this.ready();
  }

  /** Resolves when the server answers. */
  async ready(): Promise<ServerCredentials> {
    const limit = Date.now() + START_LIMIT_MS;
    while (Date.now() < limit && !this.#stopping) {
      const credentials = await readCredentials(this.#options.dataFolder);
      if (credentials !== null && (await isHealthy(credentials.url))) {
        this.#deathsBeforeReady = 0;
        this.#announce();
        return credentials;
      }
      await delay(LOOK_EVERY_MS);
    }
    throw new Error(`the Theseus server did not answer; its log is in ${this.#options.logs}`);
  }

  /** Stops the server and its database. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await stopChild(this.#keeper, STOP_LIMIT_MS);
  }

  /** Once for each life of the server, however many wait for it. */
  #announce(): void {
    if (this.#announced === this.#pid) return;
    this.#announced = this.#pid;
    this.#options.onStarted(this.#pid);
  }

  #spawn(): void {
    const { program, dataFolder, logs } = this.#options;
    const message: StartServer = { kind: 'start-server', program, dataFolder, logFile: join(logs, 'theseus.log') };
    this.#keeper.send(message, () => undefined);
  }

  #onMessage(message: KeeperMessage): void {
    if (this.#stopping) return;
    if (message.kind === 'server-spawned') {
      this.#pid = message.pid;
      return;
    }
    this.#deathsBeforeReady += 1;
    if (this.#deathsBeforeReady > DEATHS_BEFORE_READY_LIMIT) {
      return this.#options.onGivenUp(
        new Error(`the Theseus server does not stay up; its log is in ${this.#options.logs}`),
      );
    }
    this.#restarts += 1;
    this.#options.onDied(message.signal ?? `exit code ${message.code}`);
    this.#spawn();
    // Not awaited: whoever asks the server something waits for it anyway. This resets the count of deaths in a row.
    void this.ready().catch(() => undefined);
  }
}

async function isHealthy(url: string): Promise<boolean> {
  return fetch(`${url}/api/v1/health`, { signal: AbortSignal.timeout(2_000) }).then(
    ({ ok }) => ok,
    () => false,
  );
}
