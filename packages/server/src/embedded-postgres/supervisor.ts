import { setTimeout as pause } from 'node:timers/promises';
import { errorText, TheseusError } from '@theseus/core/error';
import { type BringUp, bringUp, type Running } from './bring-up.ts';
import { stopPostmaster } from './postmaster.ts';

const FIRST_DELAY_MS = 100;
const LAST_DELAY_MS = 10_000;

/**
 * Keeps the server of a folder running: when the lock's connection ends, it brings the server up again on the same
 * port, so that pools reconnect by themselves, for as long as no other Theseus server has taken the folder.
 */
export class Supervisor {
  readonly #request: BringUp;
  readonly #stopping = new AbortController();
  /** Null while the server is down, and for good once the folder was lost to another server. */
  #running: Running | null;
  #recovery: Promise<void> = Promise.resolve();
  #stopped: Promise<void> | null = null;

  constructor(request: BringUp, running: Running) {
    this.#request = { ...request, fixedPort: running.access.port };
    this.#running = running;
    this.#watch(running);
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#stopping.abort();
    await this.#recovery;
    const running = this.#running;
    if (running === null) return;
    // The lock is let go last: nobody is to find the folder free while its server is ending.
    try {
      await stopPostmaster(running.postmaster, running.dataFolder);
    } finally {
      await running.lock.release();
    }
  }

  #watch(running: Running): void {
    running.lock.onEnd(() => {
      if (this.#stopping.signal.aborted) return;
      this.#running = null;
      this.#recovery = this.#recover();
    });
  }

  async #recover(): Promise<void> {
    const { folder, log } = this.#request;
    log(`the PostgreSQL of ${folder} has ended or dropped its connections; bringing it up again`);
    for (let delayMs = FIRST_DELAY_MS; !this.#stopping.signal.aborted; delayMs = Math.min(2 * delayMs, LAST_DELAY_MS)) {
      try {
        const running = await bringUp(this.#request);
        this.#running = running;
        log(`PostgreSQL serves ${folder} again`);
        this.#watch(running);
        return;
      } catch (error) {
        const isLost = error instanceof TheseusError && error.code === 'folder-in-use';
        log(`${isLost ? 'gave PostgreSQL up' : 'cannot bring PostgreSQL up yet'}: ${errorText(error)}`);
        if (isLost) return;
      }
      await pause(delayMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
    }
  }
}
