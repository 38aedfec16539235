import { hashOf } from '../seeded-random.ts';
import type { ServiceFactory } from './service-behaviour.ts';

/** Fewer entries than the demo has users, so that it really evicts. */
const CAPACITY = 1_000;

/** Keeps what was worked out for a user, and forgets who has not been seen for longest. */
export const cacheManager: ServiceFactory = (arm) => {
  const cache = arm === 'legacy' ? new ScannedCache(CAPACITY) : new OrderedCache(CAPACITY);
  return {
    answer: (user) => {
      const known = cache.get(user);
      const value = known ?? `profile-${hashOf(user).toString(16)}`;
      if (known === undefined) cache.set(user, value);
      return { key: user, value, hit: known !== undefined };
    },
  };
};

interface Cache {
  get(key: string): string | undefined;
  set(key: string, value: string): void;
}

/** The old way: a use counter with each entry, and a look at all of them when one has to go. */
export class ScannedCache implements Cache {
  readonly #capacity: number;
  readonly #entries = new Map<string, { value: string; usedAt: number }>();
  #uses = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get(key: string): string | undefined {
    const entry = this.#entries.get(key);
    if (entry !== undefined) entry.usedAt = ++this.#uses;
    return entry?.value;
  }

  set(key: string, value: string): void {
    if (this.#entries.size >= this.#capacity && !this.#entries.has(key)) this.#evict();
    this.#entries.set(key, { value, usedAt: ++this.#uses });
  }

  #evict(): void {
    let oldest: string | undefined;
    let oldestUse = Number.POSITIVE_INFINITY;
    for (const [key, { usedAt }] of this.#entries) {
      if (usedAt >= oldestUse) continue;
      oldest = key;
      oldestUse = usedAt;
    }
    if (oldest !== undefined) this.#entries.delete(oldest);
  }
}

/** The new way: a Map remembers the order of insertion, so an entry that is used is put in again. */
export class OrderedCache implements Cache {
  readonly #capacity: number;
  readonly #entries = new Map<string, string>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get(key: string): string | undefined {
    const value = this.#entries.get(key);
    if (value !== undefined) this.set(key, value);
    return value;
  }

  set(key: string, value: string): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#capacity) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      return;
    }
  }
}
