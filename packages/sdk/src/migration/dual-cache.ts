import type { EvaluationContext } from '@theseus/core/flag';
import type { Migration } from './migration.ts';
import type { MigrationOptions } from './migration-options.ts';
import type { PlaceOptions } from './migration-state.ts';
import { STAGE_TABLE } from './stage-table.ts';

/** A cache, as most are. Sync or async. */
export interface CacheStore<V> {
  /** Undefined where there is no entry, or it has ended. */
  get(key: string): V | undefined | Promise<V | undefined>;
  /** Without `ttlMs` the entry does not end by itself. */
  set(key: string, value: V, ttlMs?: number): unknown;
  delete(key: string): unknown;
  /** How long the entry still lives, in milliseconds; undefined for one that does not end. Needed where misses are filled. */
  ttl?(key: string): number | undefined | Promise<number | undefined>;
}

export interface DualCacheOptions<V> {
  readonly legacy: CacheStore<V>;
  readonly candidate: CacheStore<V>;
  /**
   * Whether a miss of the candidate at `live` and `rampdown` is looked up in legacy and, where found, filled: the entries that were written
   * before both stores were. `true` unless given.
   */
  readonly fillMisses?: boolean;
  readonly operation?: string;
  readonly repairs?: MigrationOptions<string, unknown>['repairs'];
  readonly compare?: MigrationOptions<string, Promise<V | undefined>>['compare'];
  readonly redact?: MigrationOptions<string, unknown>['redact'];
}

/** What is asked of one store. */
export interface CacheSideStats {
  readonly hits: number;
  readonly misses: number;
  /** Hits among all; undefined before the first read. */
  readonly hitRate: number | undefined;
}

export interface DualCacheStats {
  readonly legacy: CacheSideStats;
  readonly candidate: CacheSideStats;
  /** The share of compared reads in which both stores agreed; undefined before the first. */
  readonly coherence: number | undefined;
  /** Misses of the candidate that legacy could fill. */
  readonly filled: number;
}

export interface DualCache<V> {
  get(context: EvaluationContext, key: string, options?: PlaceOptions): Promise<V | undefined>;
  set(context: EvaluationContext, key: string, value: V, ttlMs?: number): Promise<void>;
  delete(context: EvaluationContext, key: string): Promise<void>;
  stats(): DualCacheStats;
  readonly migration: CacheMigration<V>;
}

/** JSON, as what one store lacks is kept in the queue of repairs. */
type CacheWrite<V> =
  | { readonly verb: 'set'; readonly key: string; readonly value: V; readonly ttlMs?: number }
  | { readonly verb: 'delete'; readonly key: string };

type CacheMigration<V> = Migration<string, Promise<V | undefined>, CacheWrite<V>, Promise<void>>;

/** What can define a migration: a Theseus client. */
export interface MigrationDefiner {
  migration<P, R, W, V>(flag: string, options: MigrationOptions<P, R, W, V>): Migration<P, R, W, V>;
}

class SideCount {
  hits = 0;
  misses = 0;

  count(value: unknown): void {
    if (value === undefined) this.misses += 1;
    else this.hits += 1;
  }

  toStats(): CacheSideStats {
    const { hits, misses } = this;
    return { hits, misses, hitRate: hits + misses === 0 ? undefined : hits / (hits + misses) };
  }
}

/**
 * Two caches as one, at the stages of a flag: both written, reads moved bit by bit, hit rate and coherence counted all the time.
 *
 * @example
 * const sessions = dualCache(theseus, 'session-cache', { legacy: memcached, candidate: redis });
 * await sessions.set({ userId }, `session:${id}`, session, 60_000);
 */
export function dualCache<V>(theseus: MigrationDefiner, flag: string, options: DualCacheOptions<V>): DualCache<V> {
  const { legacy, candidate, fillMisses = true, operation = 'cache', repairs, compare, redact } = options;
  const counts = { legacy: new SideCount(), candidate: new SideCount() };
  const migration: CacheMigration<V> = theseus.migration(flag, {
    operation,
    read: {
      legacy: async (key: string) => counted(counts.legacy, await legacy.get(key)),
      candidate: async (key: string) => counted(counts.candidate, await candidate.get(key)),
    },
    write: {
      legacy: { run: (write: CacheWrite<V>) => applyTo(legacy, write), idempotent: true },
      candidate: { run: (write: CacheWrite<V>) => applyTo(candidate, write), idempotent: true },
      key: ({ key }) => key,
    },
    ...(repairs === undefined ? {} : { repairs }),
    ...(compare === undefined ? {} : { compare }),
    ...(redact === undefined ? {} : { redact }),
  });
  let filled = 0;
  const fill = async (key: string): Promise<V | undefined> => {
    const value = await fillFrom(legacy, candidate, key);
    if (value !== undefined) filled += 1;
    return value;
  };
  return {
    migration,
    async get(context, key, place) {
      const value = await migration.read(context, key, place);
      if (value !== undefined || !fillMisses || !isFilledAt(migration, context, place)) return value;
      // In the lane of the key: an entry that is being deleted must not be brought back.
      return migration.serially(key, () => fill(key)).catch(() => undefined);
    },
    set: (context, key, value, ttlMs) =>
      migration.write(context, { verb: 'set', key, value, ...(ttlMs === undefined ? {} : { ttlMs }) }),
    delete: (context, key) => migration.write(context, { verb: 'delete', key }),
    stats: () => ({
      legacy: counts.legacy.toStats(),
      candidate: counts.candidate.toStats(),
      coherence: coherenceOf(migration.differences()),
      filled,
    }),
  };
}

function counted<T>(count: SideCount, value: T): T {
  count.count(value);
  return value;
}

async function applyTo<V>(store: CacheStore<V>, write: CacheWrite<V>): Promise<void> {
  if (write.verb === 'delete') await store.delete(write.key);
  else await store.set(write.key, write.value, write.ttlMs);
}

/** Where the candidate decides and legacy is still written: legacy may then know what the candidate has never been told. */
function isFilledAt<V>(migration: CacheMigration<V>, context: EvaluationContext, place?: PlaceOptions): boolean {
  const { authority, writes } = STAGE_TABLE[migration.stage(context, place)];
  return authority === 'candidate' && writes === 'both';
}

async function fillFrom<V>(legacy: CacheStore<V>, candidate: CacheStore<V>, key: string): Promise<V | undefined> {
  const newer = await candidate.get(key);
  if (newer !== undefined) return newer;
  const value = await legacy.get(key);
  if (value === undefined) return undefined;
  const ttlMs = await legacy.ttl?.(key);
  // It ended in between: nothing that has ended is given a new life.
  if (ttlMs !== undefined && ttlMs <= 0) return undefined;
  // Without a way to ask, how long it may live is not known, so it is answered and not kept.
  if (legacy.ttl !== undefined) await kept(candidate, key, value, ttlMs);
  return value;
}

/** A candidate that cannot keep it takes the value from nobody. */
async function kept<V>(store: CacheStore<V>, key: string, value: V, ttlMs: number | undefined): Promise<void> {
  try {
    await store.set(key, value, ttlMs);
  } catch {
    // The next miss tries again.
  }
}

function coherenceOf({ compared, equal }: { readonly compared: number; readonly equal: number }): number | undefined {
  return compared === 0 ? undefined : equal / compared;
}
