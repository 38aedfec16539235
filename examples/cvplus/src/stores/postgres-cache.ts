import type { Pool } from 'pg';
import type { Profile, ProfileStore } from './profile.ts';

/** The old cache: a table. */
export function postgresCache(pool: Pool): ProfileStore {
  return {
    async get(key) {
      const { rows } = await pool.query<{ value: Profile }>(
        'select value from cache_entries where key = $1 and (ends_at is null or ends_at > now())',
        [key],
      );
      return rows[0]?.value;
    },
    async set(key, value, ttlMs) {
      await pool.query(
        `insert into cache_entries (key, value, ends_at) values ($1, $2, now() + $3 * interval '1 millisecond')
         on conflict (key) do update set value = excluded.value, ends_at = excluded.ends_at`,
        [key, JSON.stringify(value), ttlMs ?? null],
      );
    },
    async delete(key) {
      await pool.query('delete from cache_entries where key = $1', [key]);
    },
    async ttl(key) {
      const { rows } = await pool.query<{ left: number | null }>(
        'select extract(epoch from ends_at - now())::float8 * 1000 as left from cache_entries where key = $1',
        [key],
      );
      // Gone in between: nothing is left of its life.
      if (rows[0] === undefined) return 0;
      return rows[0].left ?? undefined;
    },
  };
}
