import { TheseusError } from '@theseus/core/error';
import {
  SUBJECT_STATES,
  type WaveCounts,
  type WavePermit,
  type WaveProgress,
  type WaveSelection,
} from '@theseus/core/wave';
import type { Client, Database } from '../ports/database.ts';
import type { BatchPurpose } from '../ports/wave-ledger.ts';
import type { WaveKey, WaveOrder, WaveService } from '../ports/wave-service.ts';
import { type IncomingSubject, migrationIdOf, takeIn } from './wave-intake.ts';
import { countsOf, purposeNumber, stateNumber, WAVES_CHANNEL } from './wave-rows.ts';
import { chooseMembers } from './wave-selection.ts';

/** Opens the subjects that an order names. */
export type OpenSource = (order: WaveOrder, signal: AbortSignal) => AsyncIterable<IncomingSubject>;

/** A table that grew by so many is told to the planner at once. */
const ANALYZE_AFTER = 10_000;

/** States in which an undo has something to take back: from `saved` on nobody knows what the handler did. */
const TO_UNDO = (['saved', 'migrated', 'validated', 'watched', 'done'] as const).map(stateNumber);

/** Waves in the ledger: who belongs to them, what workers may do with them, how far they are. */
export class WaveStore implements WaveService {
  readonly #database: Database;
  readonly #openSource: OpenSource;

  constructor(database: Database, openSource: OpenSource) {
    this.#database = database;
    this.#openSource = openSource;
  }

  async select(order: WaveOrder, signal: AbortSignal): Promise<WaveSelection> {
    const known = await this.#selection(order.key);
    if (known !== null) return known;
    await takeIn(this.#database, order, this.#openSource(order, signal), signal);
    return this.#database.transaction(async (client) => {
      await client.query('set local statement_timeout = 0');
      const migrationId = await migrationIdOf(client, order);
      // One selection at a time: two would choose the same people.
      await client.query('select from theseus.data_migration where id = $1 for update', [migrationId]);
      const { rows } = await client.query<{ id: number }>(
        `insert into theseus.wave (migration_id, name, permit, ordered, selection, counts)
         values ($1, $2, 'selected', $3, '{}', $4) on conflict (migration_id, name) do nothing returning id`,
        [migrationId, order.key.wave, JSON.stringify(order), SUBJECT_STATES.map(() => 0)],
      );
      const waveId = rows[0]?.id;
      if (waveId === undefined) return (await this.#selection(order.key)) ?? NOBODY;
      let number = 0;
      let place = 0;
      const selection = await chooseMembers(client, migrationId, order, async (members) => {
        signal.throwIfAborted();
        number += 1;
        const before = place;
        place += members.length;
        const hasSome = members.some((member) => member.attributes !== null);
        const attributes = JSON.stringify(hasSome ? members.map((member) => member.attributes) : []);
        await client.query(
          `with batch as (
             insert into theseus.wave_batch (wave_id, number, purpose, places, attributes, size)
             select $1::integer, $2, $3, array_agg(place), $6, count(*)
             from generate_series($7::integer + 1, $7 + cardinality($4::text[])) as place
           )
           insert into theseus.ledger (migration_id, key, wave_id, place, state)
           select $5, key, $1, $7 + at, 0 from unnest($4::text[]) with ordinality as member (key, at) order by at`,
          [waveId, number, purposeNumber('migrate'), members.map(({ key }) => key), migrationId, attributes, before],
        );
      });
      if (selection.total >= ANALYZE_AFTER) await client.query('analyze theseus.ledger');
      const counts = SUBJECT_STATES.map((state) => (state === 'pending' ? selection.total : 0));
      await client.query('update theseus.wave set selection = $2, counts = $3 where id = $1', [
        waveId,
        JSON.stringify(selection),
        counts,
      ]);
      return selection;
    });
  }

  async preview(order: WaveOrder, signal: AbortSignal): Promise<WaveSelection> {
    await takeIn(this.#database, order, this.#openSource(order, signal), signal);
    return this.#database.transaction(async (client) => {
      await client.query('set local statement_timeout = 0');
      const migrationId = await migrationIdOf(client, order);
      return chooseMembers(client, migrationId, order, () => Promise.resolve());
    });
  }

  async permit(client: Client, key: WaveKey, permit: WavePermit): Promise<void> {
    const { rows } = await client.query<{ id: number }>(
      `update theseus.wave w set permit = $4 from theseus.data_migration m
       where m.id = w.migration_id and m.environment = $1 and m.name = $2 and w.name = $3
       returning w.id`,
      [key.environment, key.migration, key.wave, permit],
    );
    const wave = rows[0];
    if (wave === undefined) throw unknownWave(key);
    if (permit === 'undoing') await undoAll(client, wave);
    await client.query('select pg_notify($1, $2)', [WAVES_CHANNEL, String(wave.id)]);
  }

  async revalidate(client: Client, key: WaveKey): Promise<void> {
    const { rows } = await client.query<{ id: number; ordered: WaveOrder }>(
      `update theseus.wave w set validated = 0, invalid = 0 from theseus.data_migration m
       where m.id = w.migration_id and m.environment = $1 and m.name = $2 and w.name = $3
       returning w.id, w.ordered`,
      [key.environment, key.migration, key.wave],
    );
    const wave = rows[0];
    if (wave === undefined) throw unknownWave(key);
    const invalid = await client.query<{ place: number }>(
      'update theseus.ledger set attempts = 0 where wave_id = $1 and is_invalid returning place',
      [wave.id],
    );
    const places = invalid.rows.map((row) => row.place);
    for (let at = 0; at < places.length; at += wave.ordered.batch) {
      const some = places.slice(at, at + wave.ordered.batch);
      await client.query(ADD_BATCH, [wave.id, purposeNumber('revalidate'), some, 0]);
    }
    await client.query('select pg_notify($1, $2)', [WAVES_CHANNEL, String(wave.id)]);
  }

  async progress(key: WaveKey): Promise<WaveProgress | null> {
    const { rows } = await this.#database.query<CountedRow & { is_idle: boolean; at: string }>(
      `select ${COUNTED},
         not exists (
           select from theseus.wave_batch b where b.wave_id = w.id and not b.is_done
             and (b.held_until > now() or b.purpose = any(${PURPOSES_BY_PERMIT}))
         ) as is_idle,
         extract(epoch from now()) * 1000 as at
       from theseus.wave w join theseus.data_migration m on m.id = w.migration_id
       where m.environment = $1 and m.name = $2 and w.name = $3`,
      [key.environment, key.migration, key.wave],
    );
    const row = rows[0];
    if (row === undefined) return null;
    return { wave: key.wave, at: Math.floor(Number(row.at)), counts: countsOf(row), isIdle: row.is_idle };
  }

  async counts(environment: string, migration: string): Promise<WaveCounts> {
    const { rows } = await this.#database.query<{ state: number; count: string; conflicts: string; invalid: string }>(
      `with known as (select id from theseus.data_migration where environment = $1 and name = $2),
       waved as (
         select state, count(*) as count, count(*) filter (where is_conflict) as conflicts,
           count(*) filter (where is_invalid) as invalid
         from theseus.ledger where migration_id = (select id from known) group by state
       ), all_of_them as (
         select state, count, conflicts, invalid from waved
         union all
         select 0, (select count(*) from theseus.subject where migration_id = (select id from known))
           - coalesce((select sum(count) from waved), 0), 0, 0
       )
       select state, sum(count) as count, sum(conflicts) as conflicts, sum(invalid) as invalid from all_of_them group by state`,
      [environment, migration],
    );
    const counts = SUBJECT_STATES.map((_state, at) => rows.find(({ state }) => state === at)?.count ?? '0');
    const sum = (of: (row: (typeof rows)[number]) => string): string =>
      String(rows.reduce((all, row) => all + Number(of(row)), 0));
    return countsOf({
      counts,
      validated: '0',
      invalid: sum(({ invalid }) => invalid),
      conflicts: sum(({ conflicts }) => conflicts),
      per_second: null,
    });
  }

  async #selection({ environment, migration, wave }: WaveKey): Promise<WaveSelection | null> {
    const { rows } = await this.#database.query<{ selection: WaveSelection }>(
      `select selection from theseus.wave w join theseus.data_migration m on m.id = w.migration_id
       where m.environment = $1 and m.name = $2 and w.name = $3`,
      [environment, migration, wave],
    );
    return rows[0]?.selection ?? null;
  }
}

type CountedRow = Parameters<typeof countsOf>[0];

const COUNTED = `w.counts, w.validated, w.invalid, w.conflicts, (
  select coalesce(sum(size), 0)::double precision / 60 from theseus.wave_batch b
  where b.wave_id = w.id and b.is_done and b.done_at > now() - interval '1 minute'
) as per_second`;

const list = (purposes: readonly BatchPurpose[]): string => `'{${purposes.map(purposeNumber).join(',')}}'::smallint[]`;

/** What may be taken, by the wave's permit: in a pause what was migrated is looked at on, and nothing else is begun. */
export const PURPOSES_BY_PERMIT = `case w.permit
  when 'open' then ${list(['migrate', 'retry', 'revalidate', 'watch'])}
  when 'paused' then ${list(['revalidate', 'watch'])}
  when 'undoing' then ${list(['undo'])}
  else '{}'::smallint[]
end`;

/** Wave, purpose, places, and in how many milliseconds it is due. The wave's row is locked, so that numbers are given once. */
export const ADD_BATCH = `
  insert into theseus.wave_batch (wave_id, number, purpose, places, size, due_at)
  select $1, coalesce(max(number), 0) + 1, $2, $3::integer[], cardinality($3::integer[]), now() + make_interval(secs => $4::double precision / 1000)
  from theseus.wave_batch where wave_id = $1`;

/** Everything of the wave that may have been touched is to be taken back, the last batch first; nothing else is begun. */
async function undoAll(client: Client, wave: { readonly id: number }): Promise<void> {
  await client.query(
    `with last as (select coalesce(max(number), 0) as number from theseus.wave_batch where wave_id = $1),
     ended as (
       update theseus.wave_batch set is_done = true, holder = null, held_until = null
       where wave_id = $1 and not is_done and purpose <> $2 and (held_until is null or held_until <= now())
     )
     insert into theseus.wave_batch (wave_id, number, purpose, places, attributes, size)
     select $1, last.number + row_number() over (order by b.number desc), $2, b.places, b.attributes, b.size
     from theseus.wave_batch b, last where b.wave_id = $1 and b.purpose = $3`,
    [wave.id, purposeNumber('undo'), purposeNumber('migrate')],
  );
  await client.query(
    `update theseus.ledger set attempts = 0, is_conflict = false
     where wave_id = $1 and state = any($2) and (attempts > 0 or is_conflict)`,
    [wave.id, TO_UNDO],
  );
}

const NOBODY: WaveSelection = { total: 0, seen: 0, strata: {}, excluded: {}, digest: '' };

function unknownWave({ environment, migration, wave }: WaveKey): TheseusError {
  return new TheseusError(
    'not-found',
    `There is no wave '${wave}' of migration '${migration}' in environment '${environment}'`,
  );
}
