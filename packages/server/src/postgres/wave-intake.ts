import { murmur3Resume, saltState } from '@theseus/core/flag';
import type { Client, Database, Queryable } from '../ports/database.ts';
import type { WaveOrder } from '../ports/wave-service.ts';

/** Whom a migration may be about. */
export interface IncomingSubject {
  readonly key: string;
  readonly attributes?: Readonly<Record<string, boolean | number | string>>;
}

/** Subjects that are written at a time. */
const CHUNK = 2_000;
/** After so many new ones the planner's statistics tell another table. */
const ANALYZE_AFTER = 10_000;

/** Takes subjects into the ledger, a few at a time; those it knows keep their state, and get their newest attributes. */
export async function takeIn(
  database: Database,
  order: Pick<WaveOrder, 'key' | 'salt'>,
  subjects: AsyncIterable<IncomingSubject>,
  signal: AbortSignal,
): Promise<number> {
  const migrationId = await migrationIdOf(database, order);
  const salt = saltState(order.salt);
  let count = 0;
  let chunk: IncomingSubject[] = [];
  const write = async (): Promise<void> => {
    if (chunk.length === 0) return;
    // Of two lines for one subject the last counts: one statement must not touch a row twice.
    const known = [...new Map(chunk.map((subject) => [subject.key, subject])).values()];
    chunk = [];
    await database.query(
      `insert into theseus.subject (migration_id, key, rank, attributes)
       select $1, key, rank, attributes from unnest($2::text[], $3::bigint[], $4::json[]) as incoming (key, rank, attributes)
       on conflict (migration_id, key) do update set attributes = excluded.attributes
         where subject.attributes::text is distinct from excluded.attributes::text`,
      [
        migrationId,
        known.map(({ key }) => key),
        known.map(({ key }) => murmur3Resume(salt, key)),
        known.map(({ attributes }) => (attributes === undefined ? null : JSON.stringify(attributes))),
      ],
    );
    count += known.length;
  };
  for await (const subject of subjects) {
    signal.throwIfAborted();
    chunk.push(subject);
    if (chunk.length >= CHUNK) await write();
  }
  await write();
  if (count >= ANALYZE_AFTER) await database.query('analyze theseus.subject');
  return count;
}

/** The migration's number, given to it when it is first heard of. Its salt is the plan's, and stays. */
export async function migrationIdOf(
  queryable: Client | Queryable,
  { key: { environment, migration }, salt }: Pick<WaveOrder, 'key' | 'salt'>,
): Promise<number> {
  const { rows } = await queryable.query<{ id: number }>(
    `with known as (select id from theseus.data_migration where environment = $1 and name = $2),
     made as (
       insert into theseus.data_migration (environment, name, salt) select $1, $2, $3 where not exists (select from known)
       on conflict (environment, name) do update set name = excluded.name returning id
     )
     select id from known union all select id from made`,
    [environment, migration, salt],
  );
  return rows[0]?.id ?? 0;
}
