import type { Watch } from '@theseus/core/health';
import type { Database } from '../ports/database.ts';
import type { RunStore } from '../postgres/run-store.ts';

/** How often a watch is written down at most: what a crash may cost of a soak. */
const SAVE_EVERY_MS = 1_000;

/** The memory of all gates that this server watches, written down now and then. */
export class WatchMemory {
  readonly #database: Database;
  readonly #runs: RunStore;
  readonly #byRun = new Map<string, Map<string, Watch>>();
  readonly #savedAt = new Map<string, number>();
  readonly #unsaved = new Map<string, Map<string, Watch>>();

  constructor(database: Database, runs: RunStore) {
    this.#database = database;
    this.#runs = runs;
  }

  /** What is remembered of a run, read once. */
  async load(runId: string): Promise<ReadonlyMap<string, Watch>> {
    const known = this.#byRun.get(runId);
    if (known !== undefined) return known;
    const watches = new Map(await this.#runs.watches(this.#database, runId));
    this.#byRun.set(runId, watches);
    return watches;
  }

  of(runId: string): ReadonlyMap<string, Watch> | undefined {
    return this.#byRun.get(runId);
  }

  remember(runId: string, watch: Watch): void {
    mapOf(this.#byRun, runId).set(watch.id, watch);
    mapOf(this.#unsaved, runId).set(watch.id, watch);
  }

  /** Writes down what is due, unless the lease has passed to another. */
  async save(runId: string, epoch: number, now: number): Promise<void> {
    const unsaved = this.#unsaved.get(runId);
    if (unsaved === undefined || unsaved.size === 0) return;
    if (now - (this.#savedAt.get(runId) ?? 0) < SAVE_EVERY_MS) return;
    this.#savedAt.set(runId, now);
    this.#unsaved.delete(runId);
    await this.#runs.saveWatches(this.#database, { runId, epoch }, [...unsaved.values()]);
  }

  forget(runId: string): void {
    this.#byRun.delete(runId);
    this.#unsaved.delete(runId);
    this.#savedAt.delete(runId);
  }
}

function mapOf(maps: Map<string, Map<string, Watch>>, runId: string): Map<string, Watch> {
  const known = maps.get(runId);
  if (known !== undefined) return known;
  const created = new Map<string, Watch>();
  maps.set(runId, created);
  return created;
}
