import { type ErrorCode, errorText, TheseusError } from '@theseus/core/error';
import { type FlagDocument, parseFlagDocument, parseFlagPatch } from '@theseus/core/flag';
import type { LogGate } from '../log-gate.ts';
import { BusyError } from '../transport/retry-after.ts';
import type { ServerApi } from '../transport/server-api.ts';
import { Backoff } from './backoff.ts';
import type { FlagStore } from './flag-store.ts';
import { readFlagStream } from './flag-stream.ts';

/** How often the document is asked for while there is no stream, in milliseconds; each wait is up to a fifth longer. */
const POLL_EVERY_MS = 3000;
/** How long a missing stream is waited for before the first poll. */
const FIRST_POLL_MS = 1000;
const RECONNECT_FIRST_MS = 100;
const RECONNECT_MOST_MS = 10_000;
/** A stream that lived this long was a good one: the next wait begins small again. */
const GOOD_STREAM_MS = 2000;
/** How long a patch may still be on its way after the server named its version elsewhere. */
const CATCH_UP_MS = 200;
/**
 * Of several servers behind one address, each hears of a change in its own time: an older version means nothing until all
 * of them have had the time to read the newest, which takes a second when a notification is lost.
 */
const LAG_MS = 10_000;

export interface FlagFeedOptions {
  readonly api: ServerApi;
  readonly store: FlagStore;
  readonly log: LogGate;
  readonly random: () => number;
  /** Told after each exchange whether what is served is now known to be the server's latest. */
  readonly onContact: (reached: boolean) => void;
  /** Told when a new stream brought nothing new: its server may be a new one that does not know this instance. */
  readonly onReconnected: () => void;
}

/** Keeps the store at the server's version: by one stream, by polling while there is none. */
export class FlagFeed {
  readonly #options: FlagFeedOptions;
  readonly #closed = new AbortController();
  readonly #backoff: Backoff;
  #streaming = false;
  /** Whether the last poll succeeded: then a missing stream alone does not make the flags stale. */
  #polling = false;
  #catchUpTimer: NodeJS.Timeout | undefined;
  /** The newest version the server has named. */
  #wanted = 0;
  #pollTimer: NodeJS.Timeout | undefined;
  #fetching: Promise<void> | undefined;
  #fetchAgain = false;
  /** Runs while a server that is too busy is not to be polled. One that has no stream left can still be. */
  #busyTimer: NodeJS.Timeout | undefined;
  /** Whether the server is behind what is served: perhaps another of several, or, after {@link LAG_MS}, all there are. */
  #behind: 'no' | 'perhaps' | 'surely' = 'no';
  #behindTimer: NodeJS.Timeout | undefined;
  /** Ends the wait before the next attempt; undefined while there is none, or while waiting on makes sense. */
  #endWait: (() => void) | undefined;

  constructor(options: FlagFeedOptions) {
    this.#options = options;
    this.#backoff = new Backoff(RECONNECT_FIRST_MS, RECONNECT_MOST_MS, options.random);
  }

  /** Begins, and goes on until closed. */
  start(): void {
    this.#pollIn(FIRST_POLL_MS);
    void this.#keepStreaming();
  }

  /** Fetches the document now; a call during a fetch leads to one more after it. Not while the server is too busy: polls come back to it. */
  fetchNow(): void {
    if (this.#closed.signal.aborted || this.#busyTimer !== undefined) return;
    if (this.#fetching !== undefined) {
      this.#fetchAgain = true;
      return;
    }
    this.#fetching = this.#fetch().finally(() => {
      this.#fetching = undefined;
      if (!this.#fetchAgain) return;
      this.#fetchAgain = false;
      this.fetchNow();
    });
  }

  /** The server was seen: a stream that waits to reconnect need not wait longer. */
  serverSeen(): void {
    this.#endWait?.();
  }

  /** The server is known to be at this version: fetches it, unless the stream is about to bring it. */
  catchUp(version: number): void {
    if (!this.#streaming) {
      this.fetchNow();
      return;
    }
    this.#wanted = Math.max(this.#wanted, version);
    // A timer that runs is left running: answers may come more often than it takes.
    this.#catchUpTimer ??= setTimeout(() => {
      this.#catchUpTimer = undefined;
      if (this.#options.store.version < this.#wanted) this.fetchNow();
    }, CATCH_UP_MS).unref();
  }

  /** Ends stream and polling. */
  close(): void {
    this.#closed.abort(new TheseusError('cancelled', 'The client is closed'));
    clearTimeout(this.#pollTimer);
    clearTimeout(this.#catchUpTimer);
    clearTimeout(this.#behindTimer);
    clearTimeout(this.#busyTimer);
    this.#endWait?.();
  }

  async #keepStreaming(): Promise<void> {
    const { api, log } = this.#options;
    const closed = this.#closed.signal;
    while (!closed.aborted) {
      const beganMs = performance.now();
      const error = await readFlagStream(api, closed, (event, data) => this.#onEvent(event, data)).catch(
        (thrown: unknown) => thrown,
      );
      if (closed.aborted) return;
      const wasStreaming = this.#streaming;
      this.#streaming = false;
      log.trouble('stream', `Lost the stream of flags, trying again: ${errorText(error)}`, error);
      if (performance.now() - beganMs >= GOOD_STREAM_MS) this.#backoff.reset();
      const refused = isRefusal(error);
      // A server that answers, but not with a stream, can still be polled; one that cannot be reached is tried again soon anyway.
      this.#pollIn(refused ? 0 : FIRST_POLL_MS);
      if (!refused && !wasStreaming && !this.#polling) this.#options.onContact(false);
      await this.#wait(Math.max(this.#backoff.nextMs(), this.#askedMs(error)), { untilSeen: !refused });
    }
  }

  #onEvent(event: string, data: string): void {
    if (this.#closed.signal.aborted) return;
    if (event === 'put') this.#onPut(data);
    else if (event === 'patch') this.#onPatch(data);
  }

  #onPut(data: string): void {
    const parsed = parseFlagDocument(jsonOrUndefined(data));
    if (parsed.kind === 'invalid') {
      this.#onUnreadable(parsed.reason);
      return;
    }
    const isNews = this.#offer(parsed.document);
    const isFirst = !this.#streaming;
    this.#streamIsCurrent();
    if (isFirst && !isNews) this.#options.onReconnected();
  }

  #onPatch(data: string): void {
    const parsed = parseFlagPatch(jsonOrUndefined(data));
    if (parsed.kind === 'invalid') {
      this.#onUnreadable(parsed.reason);
      return;
    }
    const outcome = this.#options.store.offerPatch(parsed.patch);
    if (outcome === 'gap') this.fetchNow();
    if (outcome !== 'applied') return;
    this.#onAbreast();
    this.#streamIsCurrent();
  }

  #onUnreadable(reason: string): void {
    this.#options.log.trouble('event', `Ignored an event of the stream of flags, fetching them instead: ${reason}`);
    this.fetchNow();
  }

  #streamIsCurrent(): void {
    const { log, onContact } = this.#options;
    if (!this.#streaming) {
      this.#streaming = true;
      this.#polling = false;
      clearTimeout(this.#pollTimer);
      log.recovered('stream', 'The stream of flags is back');
    }
    log.recovered('event', 'The stream of flags is readable again');
    onContact(true);
  }

  async #fetch(): Promise<void> {
    const { api, store, log, onContact } = this.#options;
    try {
      const document = await api.fetchFlags(store.version);
      if (this.#closed.signal.aborted) return;
      if (document !== undefined) this.#offer(document);
      this.#polling = true;
      log.recovered('fetch', 'The flags can be fetched again');
      onContact(true);
      this.serverSeen();
    } catch (error) {
      if (this.#closed.signal.aborted) return;
      this.#polling = false;
      this.#leaveAlone(this.#askedMs(error));
      log.trouble('fetch', `Cannot fetch the flags, serving those at hand: ${errorText(error)}`, error);
      onContact(false);
    }
  }

  /** Whether the document was news. */
  #offer(document: FlagDocument): boolean {
    const outcome = this.#options.store.offerDocument(document);
    if (outcome === 'older') this.#onOlder(document.version);
    else this.#onAbreast();
    return outcome === 'applied';
  }

  #onOlder(version: number): void {
    const { store, log } = this.#options;
    if (this.#behind === 'surely') {
      log.trouble(
        'older',
        `Ignored flags of version ${version}: this instance already serves version ${store.version}. ` +
          'If the server was set up anew, remove the copy in the cache folder and restart',
      );
    }
    if (this.#behind !== 'no') return;
    this.#behind = 'perhaps';
    this.#behindTimer = setTimeout(() => {
      this.#behind = 'surely';
      this.fetchNow();
    }, LAG_MS).unref();
  }

  #onAbreast(): void {
    clearTimeout(this.#behindTimer);
    this.#behind = 'no';
    this.#options.log.recovered('older', 'The server has caught up with the flags at hand');
  }

  #pollIn(delayMs: number): void {
    clearTimeout(this.#pollTimer);
    this.#pollTimer = setTimeout(() => {
      if (this.#streaming || this.#closed.signal.aborted) return;
      this.fetchNow();
      this.#pollIn(POLL_EVERY_MS * (1 + this.#options.random() / 5));
    }, delayMs);
    this.#pollTimer.unref();
  }

  /** How long a server that is too busy asks not to be asked. A fifth more at random: those who were refused together must not come back so. */
  #askedMs(error: unknown): number {
    return error instanceof BusyError ? error.retryAfterMs * (1 + this.#options.random() / 5) : 0;
  }

  #leaveAlone(forMs: number): void {
    clearTimeout(this.#busyTimer);
    this.#busyTimer = undefined;
    if (forMs === 0) return;
    this.#busyTimer = setTimeout(() => {
      this.#busyTimer = undefined;
    }, forMs).unref();
  }

  #wait(delayMs: number, options: { readonly untilSeen: boolean }): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#endWait = undefined;
        resolve();
      };
      const timer = setTimeout(end, delayMs);
      timer.unref();
      if (options.untilSeen) this.#endWait = end;
    });
  }
}

/** The server answered, and the answer was no stream, or one with more in it at once than may be held. */
const REFUSALS: readonly ErrorCode[] = [
  'unauthorized',
  'forbidden',
  'unsupported',
  'invalid-state',
  'limit-exceeded',
  'overloaded',
];

function isRefusal(error: unknown): boolean {
  return error instanceof TheseusError && REFUSALS.includes(error.code);
}

function jsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
