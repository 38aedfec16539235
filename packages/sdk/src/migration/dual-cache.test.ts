import type { MigrationStage } from '@theseus/core/flag';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { flagAt, givenMigrations, turns } from '../../test-support/given-migration.ts';
import { type CacheStore, dualCache } from './dual-cache.ts';

const WHO = { userId: 'user-1' };

afterEach(() => void vi.useRealTimers());

/** A cache in memory, by the clock of the test. */
function memoryCache() {
  const entries = new Map<string, { value: string; endsAtMs: number }>();
  const leftOf = (key: string) => (entries.get(key)?.endsAtMs ?? 0) - performance.now();
  const store = {
    entries,
    isDown: false,
    get(key: string) {
      if (store.isDown) throw new Error('down');
      return leftOf(key) > 0 ? entries.get(key)?.value : undefined;
    },
    async set(key: string, value: string, ttlMs = Number.POSITIVE_INFINITY) {
      if (store.isDown) throw new Error('down');
      entries.set(key, { value, endsAtMs: performance.now() + ttlMs });
    },
    delete: (key: string) => entries.delete(key),
    ttl: (key: string) => (entries.get(key)?.endsAtMs === Number.POSITIVE_INFINITY ? undefined : leftOf(key)),
  };
  return store;
}

function given(stage: MigrationStage, options: { readonly fillMisses?: boolean } = {}) {
  const world = givenMigrations(flagAt(stage));
  const legacy = memoryCache();
  const candidate = memoryCache();
  const definer = { migration: world.migrations.define.bind(world.migrations) };
  const cache = dualCache<string>(definer, 'moved', { legacy, candidate, ...options });
  return { ...world, legacy, candidate, cache };
}

describe('dualCache() [CV-6]', () => {
  test.each<[MigrationStage, boolean, boolean]>([
    ['off', true, false],
    ['dualwrite', true, true],
    ['shadow', true, true],
    ['live', true, true],
    ['rampdown', true, true],
    ['complete', false, true],
  ])('at %s writes to and deletes from legacy: %s, the candidate: %s', async (stage, inLegacy, inCandidate) => {
    const { cache, legacy, candidate } = given(stage);
    await cache.set(WHO, 'a', 'one', 1_000);
    expect([legacy.entries.has('a'), candidate.entries.has('a')]).toEqual([inLegacy, inCandidate]);
    expect(await cache.get(WHO, 'a')).toBe('one');
    await cache.delete(WHO, 'a');
    expect([legacy.entries.has('a'), candidate.entries.has('a')]).toEqual([false, false]);
  });

  test('counts hits of each side, and how often both agree', async () => {
    const { cache, legacy, candidate } = given('shadow');
    expect(cache.stats()).toMatchObject({ coherence: undefined, legacy: { hitRate: undefined } });
    for (let n = 0; n < 10; n += 1) await cache.set(WHO, `k${n}`, 'one');
    candidate.entries.clear();
    for (let n = 0; n < 8; n += 1) await candidate.set(`k${n}`, n < 6 ? 'one' : 'other');
    for (let n = 0; n < 10; n += 1) await cache.get(WHO, `k${n}`);
    await cache.migration.close();
    expect(cache.stats()).toEqual({
      legacy: { hits: 10, misses: 0, hitRate: 1 },
      candidate: { hits: 8, misses: 2, hitRate: 0.8 },
      coherence: 0.6,
      filled: 0,
    });
    expect(legacy.entries.size).toBe(10);
  });

  test.each<[MigrationStage, string | undefined]>([
    ['live', 'old'],
    ['rampdown', 'old'],
    // Legacy is no longer written: what it holds may be old.
    ['complete', undefined],
  ])('at %s answers a miss from legacy: %s', async (stage, answer) => {
    const { cache, legacy, candidate } = given(stage);
    await legacy.set('a', 'old');
    expect(await cache.get(WHO, 'a')).toBe(answer);
    expect(candidate.entries.has('a')).toBe(answer !== undefined);
    expect(cache.stats().filled).toBe(answer === undefined ? 0 : 1);
  });

  test('never fills legacy from the candidate', async () => {
    const { cache, candidate } = given('shadow');
    await candidate.set('a', 'new');
    expect(await cache.get(WHO, 'a')).toBeUndefined();
  });

  test('fills with the life that is left, and not where it is told not to', async () => {
    vi.useFakeTimers();
    const { cache, legacy, candidate } = given('live');
    await legacy.set('a', 'old', 1_000);
    await vi.advanceTimersByTimeAsync(400);
    expect(await cache.get(WHO, 'a')).toBe('old');
    expect(candidate.ttl('a')).toBeCloseTo(600, 0);
    const other = given('live', { fillMisses: false });
    await other.legacy.set('a', 'old');
    expect(await other.cache.get(WHO, 'a')).toBeUndefined();
  });

  test('answers and does not keep what has a life that nobody can tell', async () => {
    const world = givenMigrations(flagAt('live'));
    const { ttl: _ttl, ...legacy } = memoryCache();
    const candidate: CacheStore<string> = memoryCache();
    const cache = dualCache<string>({ migration: world.migrations.define.bind(world.migrations) }, 'moved', {
      legacy,
      candidate,
    });
    await legacy.set('a', 'old');
    expect(await cache.get(WHO, 'a')).toBe('old');
    expect(await candidate.get('a')).toBeUndefined();
  });

  test('does not bring back an entry that is being deleted', async () => {
    const { cache, legacy, candidate } = given('live');
    await legacy.set('a', 'old');
    const slow = {
      delete: async (key: string) => {
        await turns();
        return legacy.entries.delete(key);
      },
    };
    Object.assign(legacy, slow);
    const [, value] = await Promise.all([cache.delete(WHO, 'a'), cache.get(WHO, 'a')]);
    expect(value).toBeUndefined();
    expect(candidate.entries.size + legacy.entries.size).toBe(0);
  });

  test('writes later what one store missed, in order', async () => {
    vi.useFakeTimers();
    const { cache, candidate } = given('dualwrite');
    candidate.isDown = true;
    await cache.set(WHO, 'a', 'one');
    await cache.delete(WHO, 'a');
    await cache.set(WHO, 'a', 'two');
    expect(cache.migration.health().pendingRepairs).toBe(3);
    candidate.isDown = false;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(candidate.get('a')).toBe('two');
    expect(cache.migration.health().pendingRepairs).toBe(0);
  });

  test('answers from legacy while the candidate is down [CO-5]', async () => {
    const { cache, legacy, candidate } = given('live');
    await legacy.set('a', 'old');
    candidate.isDown = true;
    expect(await cache.get(WHO, 'a')).toBe('old');
  });
});
