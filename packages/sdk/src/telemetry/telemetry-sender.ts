import { errorText, TheseusError } from '@theseus/core/error';
import { DEFAULT_ENVIRONMENT } from '@theseus/core/flag';
import { TELEMETRY_BATCH_LIMIT_BYTES } from '@theseus/core/health';
import { Backoff } from '../feed/backoff.ts';
import type { LogGate } from '../log-gate.ts';
import type { ServerApi } from '../transport/server-api.ts';
import type { TelemetryCounters } from './flag-counters.ts';
import type { PendingGoals } from './pending-goals.ts';
import { UserParts } from './user-parts.ts';

const RETRY_FIRST_MS = 500;
const RETRY_MOST_MS = 10_000;
/** Room for everything in a batch but its flags. */
const ENVELOPE_BYTES = 2048;
/** What a part about users may take of a batch. */
const USERS_BYTES = 500_000;

export interface TelemetrySenderOptions {
  readonly api: ServerApi;
  readonly counters: TelemetryCounters;
  readonly goals: PendingGoals;
  readonly log: LogGate;
  readonly instance: string;
  readonly service: string;
  readonly environment: string;
  readonly random: () => number;
  readonly servedVersion: () => number;
  readonly flushEveryMs: () => number;
  /** Told the server's own version after each batch; undefined where it did not say. */
  readonly onAnswer: (version: number | undefined) => void;
}

/**
 * Sends what was counted, one batch at a time. Counters only grow and nothing is ever taken off them, so
 * a batch that was lost, or taken twice, costs nothing: the next one carries the same sums. What users did travels
 * beside them in numbered parts, each sent until it is acknowledged.
 */
export class TelemetrySender {
  readonly #options: TelemetrySenderOptions;
  readonly #backoff: Backoff;
  readonly #users: UserParts;
  /** Whether the server has just refused a batch with all that could be in it: an old one knows of no comparison. */
  #isRefused = false;
  #sequence = 0;
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #again = false;
  #closed = false;

  constructor(options: TelemetrySenderOptions) {
    this.#options = options;
    this.#backoff = new Backoff(RETRY_FIRST_MS, RETRY_MOST_MS, options.random);
    this.#users = new UserParts(() => options.counters.pendingUsers(), options.goals);
  }

  /** Begins at a random moment of the first interval, so that a fleet that starts together does not send together. */
  start(): void {
    this.#sendIn(this.#options.random() * this.#options.flushEveryMs());
  }

  /** Sends at once, or as soon as the batch on its way has arrived. */
  sendNow(): void {
    if (this.#closed) return;
    if (this.#sending === undefined) this.#send();
    else this.#again = true;
  }

  /** Sends what is left and that this is the end, until all of it has arrived or sending fails. The caller bounds the time. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#sending;
    while ((await this.#deliver({ closing: true })) === 'more') {
      // Each round sends as much as one batch may hold.
    }
  }

  #send(): void {
    clearTimeout(this.#timer);
    this.#sending = this.#deliver().then((outcome) => {
      this.#sending = undefined;
      if (this.#closed) return;
      if (outcome === 'failed') {
        this.#again = false;
        this.#sendIn(this.#backoff.nextMs());
      } else if (outcome === 'more' || this.#again) {
        this.#again = false;
        this.#send();
      } else {
        this.#sendIn(this.#options.flushEveryMs());
      }
    });
  }

  #sendIn(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.sendNow(), delayMs);
    this.#timer.unref();
  }

  async #deliver(last: { readonly closing?: true } = {}): Promise<'all' | 'more' | 'failed'> {
    const { api, counters, log, instance, service, environment, servedVersion, onAnswer } = this.#options;
    const comparing = !this.#isRefused;
    const users = comparing ? this.#users.next(USERS_BYTES) : undefined;
    const room = TELEMETRY_BATCH_LIMIT_BYTES - ENVELOPE_BYTES - (users === undefined ? 0 : USERS_BYTES);
    const changed = counters.changed(room, { comparing });
    this.#sequence += 1;
    const sequence = this.#sequence;
    // Left out where it goes without saying: a server from before environments takes no field it does not know.
    const place = environment === DEFAULT_ENVIRONMENT ? {} : { environment };
    const envelope = JSON.stringify({ instance, service, ...place, sequence, servedVersion: servedVersion(), ...last });
    const others = users === undefined ? '' : `"users":${users.json},`;
    try {
      const version = await api.postTelemetry(`${envelope.slice(0, -1)},${others}"flags":${changed.json}}`);
      changed.acknowledge();
      users?.acknowledge();
      this.#isRefused = false;
      this.#backoff.reset();
      log.recovered('telemetry', 'Telemetry arrives again');
      onAnswer(version);
      return changed.more || users?.isPartial ? 'more' : 'all';
    } catch (error) {
      const isOldServer = comparing && error instanceof TheseusError && error.code === 'unsupported';
      this.#isRefused = isOldServer;
      if (!isOldServer) log.trouble('telemetry', `Cannot deliver telemetry, counting on: ${errorText(error)}`, error);
      return 'failed';
    }
  }
}
