import { TheseusError } from '@theseus/core/error';
import type { EvaluationContext, MigrationStage } from '@theseus/core/flag';
import type { DifferenceTelemetry } from '@theseus/core/health';
import { type Action, type ActionOptions, ActionRunner, type ActionSides } from './action.ts';
import type { ResolvedMigration } from './migration-options.ts';
import type { MigrationHealth, MigrationSnapshot, MigrationState, PlaceOptions } from './migration-state.ts';
import { Reader } from './reader.ts';
import type { Repairs } from './repairs.ts';
import { Writer } from './writer.ts';

export interface WriteOptions extends PlaceOptions {
  /** The same for every repetition by the caller; generated unless given. */
  readonly idempotencyKey?: string | undefined;
}

/** Moves one kind of data or calls from legacy to candidate, at the stage at which the flag has the subject. */
export interface Migration<P, R, W, V> {
  /**
   * Reads. Throws only what the sides throw, or `timed-out`. Sync where the sides are; with `fastest` a promise where they return promises.
   *
   * @example const user = await users.read({ userId }, userId)
   */
  read(context: EvaluationContext, payload: P, options?: PlaceOptions): R;
  /**
   * Writes. Resolves with what the deciding side returned, once the other side has the write too or the queue of repairs holds it. Rejects with the
   * deciding side's error; the other side was then not called.
   */
  write(context: EvaluationContext, payload: W, options?: WriteOptions): Promise<Awaited<V>>;
  /** Defines an action of several writes. Define it at every start, under the same name: what a dead program began is taken back by it. */
  action<T>(name: string, sides: ActionSides<T>): Action<T>;
  /** The stage the subject is at. */
  stage(context: EvaluationContext, options?: PlaceOptions): MigrationStage;
  /** What keeps work that begins now at the stage it begins at: give it to every call of that work. */
  pin(context: EvaluationContext): string;
  health(): MigrationHealth;
  /** What shadow reads differed in, since the program began. */
  differences(): DifferenceTelemetry;
  /** Breaker and health as JSON. */
  snapshot(): MigrationSnapshot;
  /** @throws TheseusError `invalid-argument` when it is no snapshot of this flag; nothing is then changed */
  restore(state: unknown): void;
  /** Runs a task while no write of the key is under way in this process, and keeps those that come waiting. */
  serially<T>(key: string, task: () => Promise<T>): Promise<T>;
  /** Begins no more shadow reads and waits for those under way. Reads and writes are still answered afterwards. */
  close(): Promise<void>;
}

/** As {@link Migration}, with the types taken off: `defineMigration` in the client puts them on again. */
export class MigrationRunner implements Migration<unknown, unknown, unknown, unknown> {
  readonly #state: MigrationState;
  readonly #migration: ResolvedMigration;
  readonly #repairs: Repairs;
  readonly #reader: Reader;
  readonly #writer: Writer | undefined;

  constructor(state: MigrationState, migration: ResolvedMigration, repairs: Repairs) {
    this.#state = state;
    this.#migration = migration;
    this.#repairs = repairs;
    this.#reader = new Reader(state, migration);
    if (migration.write === undefined) return;
    this.#writer = new Writer(state, migration.write, migration.operation, repairs);
    state.watch(repairs);
  }

  read(context: EvaluationContext, payload: unknown, options?: PlaceOptions): unknown {
    return this.#reader.read(this.#state.placeOf(context, options), payload);
  }

  async write(context: EvaluationContext, payload: unknown, options?: WriteOptions): Promise<unknown> {
    const writer = this.#writer;
    if (writer === undefined) {
      throw new TheseusError(
        'invalid-state',
        `Cannot write for the flag '${this.#state.flag}': its migration was defined without 'write'`,
      );
    }
    const place = this.#state.placeOf(context, options);
    const key = this.#migration.write?.key?.(payload, context) ?? this.#state.subjectOf(context, place);
    return writer.write(place, payload, options?.idempotencyKey ?? this.#state.newIdempotencyKey(), key);
  }

  action<T>(name: string, sides: ActionSides<T>): Action<T> {
    const runner = new ActionRunner(this.#state, name, sides as ActionSides<unknown>, this.#repairs);
    this.#state.watch(this.#repairs);
    return async (context: EvaluationContext, payload: T, options?: ActionOptions) =>
      runner.run(
        this.#state.placeOf(context, options),
        payload,
        options?.idempotencyKey ?? this.#state.newIdempotencyKey(),
      );
  }

  stage(context: EvaluationContext, options?: PlaceOptions): MigrationStage {
    return this.#state.placeOf(context, options).stage;
  }

  pin(context: EvaluationContext): string {
    return this.#state.pin(context);
  }

  health(): MigrationHealth {
    return this.#state.health();
  }

  differences(): DifferenceTelemetry {
    return this.#state.differences();
  }

  snapshot(): MigrationSnapshot {
    return this.#state.snapshot();
  }

  restore(state: unknown): void {
    this.#state.restore(state);
  }

  serially<T>(key: string, task: () => Promise<T>): Promise<T> {
    return this.#repairs.run(this.#state.flag, key, task);
  }

  close(): Promise<void> {
    return this.#reader.close();
  }
}
