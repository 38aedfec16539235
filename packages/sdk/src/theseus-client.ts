import { randomUUID } from 'node:crypto';
import { errorText } from '@theseus/core/error';
import {
  CONTROL,
  type CompiledFlags,
  type Evaluation,
  type EvaluationContext,
  notReadyEvaluation,
  variantName,
} from '@theseus/core/flag';
import { resolveOptions, type TheseusOptions } from './client-options.ts';
import { FlagFeed } from './feed/flag-feed.ts';
import { type FlagChange, FlagStore } from './feed/flag-store.ts';
import { LastKnownGood } from './last-known-good.ts';
import { LogGate } from './log-gate.ts';
import { Deadlines } from './migration/deadlines.ts';
import type { Migration } from './migration/migration.ts';
import type { MigrationOptions } from './migration/migration-options.ts';
import { Migrations } from './migration/migrations.ts';
import { type RouteArms, runRoute } from './route.ts';
import { type FlagCounters, TelemetryCounters } from './telemetry/flag-counters.ts';
import { PendingGoals } from './telemetry/pending-goals.ts';
import { TelemetrySender } from './telemetry/telemetry-sender.ts';
import { FetchTransport } from './transport/fetch-transport.ts';
import { NodeTransport } from './transport/node-transport.ts';
import { ServerApi } from './transport/server-api.ts';

/** How long `close()` waits for the last telemetry, in milliseconds. */
const CLOSE_LIMIT_MS = 2000;
/** Node fires a timer that is longer than this at once. */
const TIMER_LIMIT_MS = 2 ** 31 - 1;
const DEFAULT_FLUSH_EVERY_MS = 5000;

/**
 * Whether what is served is known to be the server's latest: 'waiting' while no flags are known, 'current', or 'stale'
 * while the server is out of reach.
 */
export type ConnectionState = 'waiting' | 'current' | 'stale';

/** Asks which path a subject takes. Asking never throws, and `route` throws only what the arms throw. */
export interface TheseusClient {
  /** Unique to this life of this client. */
  readonly instance: string;
  /** The version of the flags being served; 0 while none are known. */
  readonly version: number;
  readonly state: ConnectionState;
  /**
   * Resolves with true as soon as flags are known, from the server or, when it is away, from disk; with false when there are none
   * after `limitMs` milliseconds (2000 unless given). Never rejects, never takes longer. Asking flags before is allowed: all answer legacy.
   */
  ready(limitMs?: number): Promise<boolean>;
  /** Whether the subject takes the candidate. Legacy whenever in doubt. */
  enabled(flag: string, context: EvaluationContext): boolean;
  /**
   * The name of the variant the subject takes: `legacy`, one of the flag's variants, or `candidate` where it has none. Where the plan measures
   * goals of the flag, that is when the subject counts as exposed: ask when you show it, not before.
   */
  variant(flag: string, context: EvaluationContext): string;
  /** The arm, the variant, and why. */
  details(flag: string, context: EvaluationContext): Evaluation;
  /**
   * Runs the arm the subject takes and counts it; where the flag allows it, legacy answers when the candidate fails.
   *
   * @example await theseus.route('cv-analyzer', { userId }, { legacy: () => oldService(cv), candidate: () => newService(cv) })
   */
  route<T, Variant extends string = 'candidate'>(
    flag: string,
    context: EvaluationContext,
    arms: RouteArms<T, Variant>,
  ): T;
  /**
   * Defines how data or calls move from one side to the other at the stages that the flag says. Once an operation, when the program starts.
   *
   * @throws TheseusError `invalid-argument` when an option cannot be used, `already-exists` when the operation is defined already
   * @example
   * const users = theseus.migration('user-store', { read: { legacy: (id) => oldStore.get(id), candidate: (id) => newStore.get(id) } });
   * const user = await users.read({ userId }, userId);
   */
  migration<P, R, W = unknown, V = unknown>(flag: string, options: MigrationOptions<P, R, W, V>): Migration<P, R, W, V>;
  /**
   * Says that the subject reached a goal, such as `replied`. It counts for each flag whose plan measures that goal, and for subjects who were exposed
   * to the flag, here or in another process, before or after. Any program may say so that knows the subject, even hours later. Never throws, never waits.
   *
   * @example theseus.track('ordered', { userId }, { value: 49.9 });
   */
  track(goal: string, context: EvaluationContext, details?: TrackDetails): void;
  /** Calls back after each new version; returns what ends that. */
  onChange(listener: (change: FlagChange) => void): () => void;
  /** Calls back when the state changes; returns what ends that. */
  onState(listener: (state: ConnectionState) => void): () => void;
  /** Delivers the last telemetry, within 2 s, and ends all connections. Flags are still answered afterwards. */
  close(): Promise<void>;
}

/** What may be said of a goal besides. */
export interface TrackDetails {
  /** The only flag it counts for; all that measure it unless given. */
  readonly flag?: string;
  /** What it is worth, for metrics that sum it up, in a unit of your own; 0 unless given. */
  readonly value?: number;
}

/** What tests put in place of chance. */
export interface ClientEnvironment {
  readonly random: () => number;
}

class Client implements TheseusClient {
  readonly instance = randomUUID();
  readonly #log: LogGate;
  readonly #store: FlagStore;
  readonly #feed: FlagFeed;
  readonly #sender: TelemetrySender;
  readonly #counters = new TelemetryCounters();
  readonly #migrations: Migrations;
  readonly #goals = new PendingGoals();
  readonly #random: () => number;
  readonly #copy: LastKnownGood | undefined;
  readonly #transport: NodeTransport | FetchTransport;
  readonly #changeListeners = new Set<(change: FlagChange) => void>();
  readonly #stateListeners = new Set<(state: ConnectionState) => void>();
  readonly #waiting = new Set<() => void>();
  #state: ConnectionState = 'waiting';
  #started = false;
  /** Whether an exchange with the server has succeeded or failed yet. */
  #contacted = false;
  #closing: Promise<void> | undefined;

  constructor(given: TheseusOptions, environment: ClientEnvironment) {
    const options = resolveOptions(given);
    const { url, token, service, environment: served, cacheFolder } = options;
    const { random } = environment;
    this.#random = random;
    this.#log = new LogGate(options.log);
    const log = this.#log;
    this.#transport = options.fetch === undefined ? new NodeTransport(url) : new FetchTransport(url, options.fetch);
    const api = new ServerApi(this.#transport, {
      token,
      instance: this.instance,
      service,
      environment: served,
    });
    this.#store = new FlagStore((change) => this.#onApplied(change));
    this.#copy = cacheFolder === undefined ? undefined : new LastKnownGood(cacheFolder, url.href, log, served);
    this.#feed = new FlagFeed({
      api,
      log,
      random,
      store: this.#store,
      onContact: (reached) => this.#onContact(reached),
      onReconnected: () => this.#sender.sendNow(),
    });
    this.#sender = new TelemetrySender({
      api,
      log,
      random,
      service,
      environment: served,
      instance: this.instance,
      counters: this.#counters,
      goals: this.#goals,
      servedVersion: () => this.version,
      flushEveryMs: () => this.#store.flags?.flushEveryMs ?? DEFAULT_FLUSH_EVERY_MS,
      onAnswer: (version) => this.#onTelemetryAnswer(version),
    });
    const now = () => performance.now();
    this.#migrations = new Migrations({
      log,
      random,
      now,
      flags: () => this.#store.flags,
      countersOf: (flag) => this.#countersOf(flag),
      instance: this.instance,
      deadlines: new Deadlines(now),
    });
    this.#start();
  }

  get version(): number {
    return this.#store.version;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  ready(limitMs = 2000): Promise<boolean> {
    const known = this.#store.flags !== undefined;
    if ((this.#contacted && known) || this.#closing !== undefined) return Promise.resolve(known);
    return new Promise((resolve) => {
      const settle = () => {
        clearTimeout(timer);
        this.#waiting.delete(settle);
        resolve(this.#store.flags !== undefined);
      };
      // Not unreferenced: with nothing else to do, Node would otherwise end the process while it waits here.
      const timer = setTimeout(settle, Math.min(limitMs, TIMER_LIMIT_MS));
      this.#waiting.add(settle);
    });
  }

  enabled(flag: string, context: EvaluationContext): boolean {
    const flags = this.#store.flags;
    return flags?.isCandidate(flag, context, this.#draw(flags)) ?? false;
  }

  variant(flag: string, context: EvaluationContext): string {
    const flags = this.#store.flags;
    if (flags === undefined) return CONTROL;
    if (flags.definition(flag)?.goals === undefined) return flags.variant(flag, context, this.#draw(flags));
    const assignment = flags.assign(flag, context, this.#draw(flags));
    if (assignment === undefined) return CONTROL;
    this.#counters.of(flag)?.expose(assignment);
    return variantName(assignment.definition, assignment.arm, assignment.variant);
  }

  details(flag: string, context: EvaluationContext): Evaluation {
    const flags = this.#store.flags;
    return flags?.evaluate(flag, context, this.#draw(flags)) ?? notReadyEvaluation(flag);
  }

  route<T, Variant extends string = 'candidate'>(
    flag: string,
    context: EvaluationContext,
    arms: RouteArms<T, Variant>,
  ): T {
    const flags = this.#store.flags;
    const assignment = flags?.assign(flag, context, this.#draw(flags));
    // A key that is in no document is somebody's slip of the pen: legacy answers, and nothing is kept of it.
    if (assignment === undefined) return arms.legacy(CONTROL);
    // Of a flag that was retired nothing is counted: nobody judges it any more.
    const counters = assignment.definition.retired ? undefined : this.#countersOf(flag);
    return runRoute({ assignment, counters }, arms);
  }

  migration<P, R, W, V>(flag: string, options: MigrationOptions<P, R, W, V>): Migration<P, R, W, V> {
    return this.#migrations.define(flag, options);
  }

  track(goal: string, context: EvaluationContext, details?: TrackDetails): void {
    const value = details?.value ?? 0;
    if (!Number.isFinite(value)) {
      this.#log.trouble('track', `Cannot track '${goal}' with the value ${value}: it must be a finite number`);
      return;
    }
    for (const subject of this.#store.flags?.subjectsOf(goal, context, details?.flag) ?? []) {
      if (this.#goals.count(subject, goal, value)) continue;
      this.#log.trouble('goals', 'Cannot keep more goals until the server takes those that wait: some are lost');
    }
  }

  onChange(listener: (change: FlagChange) => void): () => void {
    return subscribe(this.#changeListeners, listener);
  }

  onState(listener: (state: ConnectionState) => void): () => void {
    return subscribe(this.#stateListeners, listener);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #countersOf(flag: string): FlagCounters | undefined {
    const counters = this.#counters.of(flag);
    if (counters === undefined)
      this.#log.trouble('counters', 'Cannot count more flags: their requests are routed but not reported');
    return counters;
  }

  #start(): void {
    const copy = this.#copy?.read();
    if (copy !== undefined) {
      this.#store.offerDocument(copy);
      this.#setState('stale');
    }
    this.#started = true;
    this.#feed.start();
    this.#sender.start();
  }

  /** Flags from disk are neither news to the disk nor a version the server should hear of before it was reached. */
  #onApplied(change: () => FlagChange): void {
    if (this.#started) {
      this.#copy?.saveSoon(() => (this.#store.flags as CompiledFlags).toDocument());
      // At once: a change counts as done only when every instance has said that it serves it.
      this.#sender.sendNow();
    }
    if (this.#changeListeners.size > 0) this.#tell(this.#changeListeners, change());
  }

  #onContact(reached: boolean): void {
    this.#contacted = true;
    if (this.#store.flags === undefined) return;
    this.#setState(reached ? 'current' : 'stale');
    for (const settle of [...this.#waiting]) settle();
  }

  #onTelemetryAnswer(version: number | undefined): void {
    this.#feed.serverSeen();
    this.#log.recovered('goals', 'Goals are kept again');
    if (version !== undefined && version > this.version) this.#feed.catchUp(version);
  }

  /** Drawn only where a flag decides call by call: most plans have none. */
  #draw(flags: CompiledFlags): number | undefined {
    return flags.needsDraw ? this.#random() : undefined;
  }

  #setState(state: ConnectionState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#tell(this.#stateListeners, state);
  }

  #tell<T>(listeners: ReadonlySet<(news: T) => void>, news: T): void {
    for (const listener of [...listeners]) {
      try {
        listener(news);
      } catch (error) {
        this.#log.trouble('listener', `A listener of the flags failed: ${errorText(error)}`, error);
      }
    }
  }

  async #close(): Promise<void> {
    this.#feed.close();
    // What shadows and repairs still come to belongs into the last batch.
    const reported = limited(this.#migrations.close(), CLOSE_LIMIT_MS / 2).then(() => this.#sender.close());
    const finished = Promise.all([reported, this.#copy?.flush()]);
    await limited(finished, CLOSE_LIMIT_MS);
    this.#transport.close();
    for (const settle of [...this.#waiting]) settle();
  }
}

/** Waits for what is to be finished, but no longer than so many milliseconds. */
async function limited(finished: Promise<unknown>, limitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    // Not unreferenced, as in `ready`: the sockets do not keep the process alive until the last batch is out.
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([finished, limit]);
  clearTimeout(timer);
}

function subscribe<T>(listeners: Set<(news: T) => void>, listener: (news: T) => void): () => void {
  // Wrapped, so that the same function given twice is told twice and ended one by one.
  const own = (news: T) => listener(news);
  listeners.add(own);
  return () => {
    listeners.delete(own);
  };
}

/**
 * Connects to a Theseus server. Returns at once; flags answer legacy until they are known.
 *
 * @throws TheseusError `invalid-argument` when an option cannot be used
 * @example
 * const theseus = createTheseus({ url: 'http://127.0.0.1:4780', token, service: 'front' });
 * await theseus.ready();
 */
export function createTheseus(options: TheseusOptions): TheseusClient {
  return new Client(options, { random: Math.random });
}

/** As {@link createTheseus}, with chance in the caller's hand. */
export function createTheseusWith(options: TheseusOptions, environment: ClientEnvironment): TheseusClient {
  return new Client(options, environment);
}
