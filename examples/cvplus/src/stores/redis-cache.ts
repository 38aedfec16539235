import { createClient } from '@redis/client';
import type { Profile, ProfileStore } from './profile.ts';

export interface RedisCache extends ProfileStore {
  ping(): Promise<void>;
  close(): void;
}

const RECONNECT_MS = 100;
const CONNECT_LIMIT_MS = 2_000;

/** The new cache: Redis, or what speaks as it does. While it is away calls fail at once; the adapter then does the rest. */
export async function redisCache(url: string): Promise<RedisCache> {
  const client = createClient({
    url,
    RESP: 2,
    disableOfflineQueue: true,
    disableClientInfo: true,
    socket: { connectTimeout: CONNECT_LIMIT_MS, reconnectStrategy: RECONNECT_MS },
  });
  // Each call that fails for it says so itself.
  client.on('error', () => undefined);
  await client.connect();
  return {
    async get(key) {
      const text = await client.get(key);
      return text === null ? undefined : (JSON.parse(text) as Profile);
    },
    async set(key, value, ttlMs) {
      const text = JSON.stringify(value);
      // Redis refuses a life of less than a millisecond.
      if (ttlMs === undefined) await client.set(key, text);
      else await client.set(key, text, { expiration: { type: 'PX', value: Math.max(1, Math.ceil(ttlMs)) } });
    },
    async delete(key) {
      await client.del(key);
    },
    async ttl(key) {
      const left = await client.pTTL(key);
      return left === -1 ? undefined : Math.max(0, left);
    },
    async ping() {
      await client.ping();
    },
    close: () => client.destroy(),
  };
}
