import type { Repairs } from '@theseus/core/health';
import type { Client, Queryable } from '../ports/database.ts';
import type { RepairSource } from '../ports/repair-source.ts';
import type { PlacedBatch } from './instance-rows.ts';

interface OwedRow {
  readonly pending: string;
  readonly failed: string;
  readonly instances: string;
  readonly silent: string;
}

/** Reads what migrations owe their other side. */
export class RepairStore implements RepairSource {
  readonly #queryable: Queryable;
  readonly #silentAfterMs: number;

  /** @param silentAfterMs an instance that was not heard of for longer is silent */
  constructor(queryable: Queryable, silentAfterMs: number) {
    this.#queryable = queryable;
    this.#silentAfterMs = silentAfterMs;
  }

  async repairsOf(flag: string, environment: string, now: number): Promise<Repairs> {
    // One that ended, or is not even known any more, repairs nothing either: what it owed is still owed.
    const { rows } = await this.#queryable.query<OwedRow>(
      `select coalesce(sum(pending) filter (where live), 0) as pending,
         coalesce(sum(failed) filter (where live), 0) as failed,
         count(*) filter (where live) as instances, count(*) filter (where not live) as silent
       from (
         select pending, failed, coalesce(not closed and last_seen > $3, false) as live
         from theseus.repair left join theseus.instance using (environment, instance)
         where environment = $1 and flag = $2
       ) as owed`,
      [environment, flag, new Date(now - this.#silentAfterMs)],
    );
    const [owed] = rows;
    return {
      pending: Number(owed?.pending ?? 0),
      failed: Number(owed?.failed ?? 0),
      instances: Number(owed?.instances ?? 0),
      silent: Number(owed?.silent ?? 0),
    };
  }
}

/** Keeps what these instances owe at this moment. A flag without a word about repairs owes what it did. */
export async function saveRepairs(client: Client, batches: readonly PlacedBatch[]): Promise<void> {
  const told = batches
    .flatMap(({ environment, instance, flags }) =>
      Object.entries(flags).flatMap(([flag, { repairs }]) =>
        repairs === undefined ? [] : [{ environment, flag, instance, ...repairs }],
      ),
    )
    .sort((left, right) => (keyOf(left) < keyOf(right) ? -1 : 1));
  const owing = told.filter(({ pending, failed }) => pending + failed > 0);
  const free = told.filter(({ pending, failed }) => pending + failed === 0);
  if (free.length > 0) {
    await client.query(
      `delete from theseus.repair
       where (environment, flag, instance) in (select * from unnest($1::text[], $2::text[], $3::text[]))`,
      [free.map(({ environment }) => environment), free.map(({ flag }) => flag), free.map(({ instance }) => instance)],
    );
  }
  if (owing.length === 0) return;
  await client.query(
    `insert into theseus.repair (environment, flag, instance, pending, failed)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[])
     on conflict (environment, flag, instance) do update set pending = excluded.pending, failed = excluded.failed`,
    [
      owing.map(({ environment }) => environment),
      owing.map(({ flag }) => flag),
      owing.map(({ instance }) => instance),
      owing.map(({ pending }) => pending),
      owing.map(({ failed }) => failed),
    ],
  );
}

function keyOf(place: { readonly environment: string; readonly flag: string; readonly instance: string }): string {
  return `${place.environment} ${place.flag} ${place.instance}`;
}
