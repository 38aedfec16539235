import { TheseusError } from '@theseus/core/error';
import { memoryRepairQueue } from './memory-repair-queue.ts';
import { type Migration, MigrationRunner } from './migration.ts';
import { type MigrationOptions, resolveMigration } from './migration-options.ts';
import { MigrationState, type MigrationSurroundings } from './migration-state.ts';
import type { RepairQueue } from './repair-queue.ts';
import { Repairs } from './repairs.ts';

/** All migrations of one client. */
export class Migrations {
  readonly #around: MigrationSurroundings;
  readonly #states = new Map<string, MigrationState>();
  readonly #repairs = new Map<RepairQueue, Repairs>();
  readonly #runners = new Map<string, MigrationRunner>();
  readonly #inMemory = memoryRepairQueue();

  constructor(around: MigrationSurroundings) {
    this.#around = around;
  }

  /** @throws TheseusError `invalid-argument` naming the option that cannot be used, `already-exists` for a second one of the same operation */
  define<P, R, W, V>(flag: string, options: MigrationOptions<P, R, W, V>): Migration<P, R, W, V> {
    const migration = resolveMigration(flag, options);
    const name = `${flag}\n${migration.operation}`;
    if (this.#runners.has(name)) {
      throw new TheseusError(
        'already-exists',
        `Cannot define the migration '${migration.operation}' of the flag '${flag}' twice: use the first, or name another operation`,
      );
    }
    const runner = new MigrationRunner(
      this.#stateOf(flag),
      migration,
      this.#repairsOf(migration.repairs ?? this.#inMemory),
    );
    this.#runners.set(name, runner);
    return runner as unknown as Migration<P, R, W, V>;
  }

  /** Ends shadows and repairs. Queues stay open: they are their owners'. */
  async close(): Promise<void> {
    await Promise.all([...this.#runners.values()].map((runner) => runner.close()));
    await Promise.all([...this.#repairs.values()].map((repairs) => repairs.close()));
  }

  #stateOf(flag: string): MigrationState {
    const known = this.#states.get(flag);
    if (known !== undefined) return known;
    const state = new MigrationState(flag, this.#around);
    this.#states.set(flag, state);
    return state;
  }

  #repairsOf(queue: RepairQueue): Repairs {
    const known = this.#repairs.get(queue);
    if (known !== undefined) return known;
    const { log, random, now } = this.#around;
    const repairs = new Repairs({ queue, log, random, now });
    this.#repairs.set(queue, repairs);
    return repairs;
  }
}
