import type { SubjectState } from '@theseus/core/wave';
import { CANDIDATE_STATES, SUBJECT_STATES } from '@theseus/core/wave';
import type { Client, Database } from '../ports/database.ts';
import type {
  BatchEnd,
  LedgerSubject,
  MemberChange,
  SavedBytes,
  SubjectChange,
  WaveBatch,
  WaveLedger,
} from '../ports/wave-ledger.ts';
import type { WaveOrder } from '../ports/wave-service.ts';
import { purposeNumber, purposeOfNumber, stateNumber, stateOfNumber, WAVES_CHANNEL } from './wave-rows.ts';
import { ADD_BATCH, PURPOSES_BY_PERMIT } from './wave-store.ts';

export interface WaveLedgerOptions {
  readonly database: Database;
  /** How long a claim lasts that nobody keeps alive. */
  readonly claimMs: number;
  /** Tells flags of new and lost members, in the transaction that marks them. */
  readonly onMembers: (client: Client, change: MemberChange) => Promise<void>;
}

/** Waves that are looked at for a batch before this worker goes back to sleep. */
const WAVES_LOOKED_AT = 100;

/** The ledger in PostgreSQL, as workers see it: claims of batches, and what became of their subjects. */
export class WaveLedgerStore implements WaveLedger {
  readonly #options: WaveLedgerOptions;

  constructor(options: WaveLedgerOptions) {
    this.#options = options;
  }

  async take(worker: string, canHandle: (order: WaveOrder) => boolean): Promise<WaveBatch | null> {
    const { database } = this.#options;
    const { rows } = await database.query<{ id: number; ordered: WaveOrder }>(WAVES_WITH_WORK, [WAVES_LOOKED_AT]);
    for (const { id, ordered } of rows) {
      if (!canHandle(ordered)) continue;
      const batch = await database.transaction((client) => this.#claim(client, { waveId: id, order: ordered, worker }));
      if (batch !== null) return batch;
    }
    return null;
  }

  async #claim(
    client: Client,
    { waveId, order, worker }: { readonly waveId: number; readonly order: WaveOrder; readonly worker: string },
  ): Promise<WaveBatch | null> {
    // A statement of its own: what comes after it sees all that those have written who held the lock before.
    const lock = await client.query('select from theseus.wave where id = $1 for no key update skip locked', [waveId]);
    if (lock.rowCount === 0) return null;
    const { rows } = await client.query<ClaimRow>(CLAIM, [
      waveId,
      worker,
      this.#options.claimMs,
      order.concurrency,
      order.perSecond,
    ]);
    const claimed = rows[0];
    if (claimed === undefined) return null;
    const { migration_id: migrationId, number, taken } = claimed;
    const purpose = purposeOfNumber(claimed.purpose);
    return { waveId, migrationId, number, purpose, order, subjects: await subjectsOf(client, waveId, claimed), taken };
  }

  async hold({ waveId, number, taken }: WaveBatch, worker: string): Promise<boolean> {
    const { database, claimMs } = this.#options;
    const { rowCount } = await database.query(
      `update theseus.wave_batch set held_until = now() + make_interval(secs => $5::double precision / 1000)
       where wave_id = $1 and number = $2 and holder = $3 and taken = $4 and not is_done`,
      [waveId, number, worker, taken, claimMs],
    );
    return rowCount === 1;
  }

  record(batch: WaveBatch, worker: string, changes: readonly SubjectChange[], end?: BatchEnd): Promise<boolean> {
    return this.#options.database.transaction(async (client) => {
      if (!(await isHeld(client, batch, worker))) return false;
      await writeSubjects(client, batch, changes);
      await this.#writeMembers(client, batch.order, changes);
      await writeCounts(client, batch, changes);
      await writeNotes(client, batch.migrationId, changes, worker);
      if (end === undefined) return true;
      const placeOf = places(batch.subjects);
      for (const { purpose, keys, inMs } of end.followUps) {
        if (keys.length === 0) continue;
        await client.query(ADD_BATCH, [batch.waveId, purposeNumber(purpose), keys.map(placeOf), inMs]);
      }
      await client.query(
        `update theseus.wave_batch set is_done = true, done_at = now(), holder = null, held_until = null
         where wave_id = $1 and number = $2`,
        [batch.waveId, batch.number],
      );
      await client.query('select pg_notify($1, $2)', [WAVES_CHANNEL, String(batch.waveId)]);
      return true;
    });
  }

  async release({ waveId, number, taken }: WaveBatch, worker: string, inMs: number): Promise<void> {
    await this.#options.database.query(
      `update theseus.wave_batch set holder = null, held_until = null,
         due_at = now() + make_interval(secs => $5::double precision / 1000)
       where wave_id = $1 and number = $2 and holder = $3 and taken = $4 and not is_done`,
      [waveId, number, worker, taken, inMs],
    );
  }

  async #writeMembers(client: Client, { key, flag }: WaveOrder, changes: readonly SubjectChange[]): Promise<void> {
    if (flag === null) return;
    const added = changes.flatMap((change) => (isMember(change.to) && !isMember(change.from) ? change.key : []));
    const removed = changes.flatMap((change) => (isMember(change.from) && !isMember(change.to) ? change.key : []));
    if (added.length + removed.length === 0) return;
    const { environment, migration } = key;
    await this.#options.onMembers(client, { environment, migration, added, removed });
  }
}

function isMember(state: SubjectState): boolean {
  return CANDIDATE_STATES.includes(state);
}

const WAVES_WITH_WORK = `
  select w.id, w.ordered from theseus.wave w
  where w.permit in ('open', 'paused', 'undoing') and exists (
    select from unnest(${PURPOSES_BY_PERMIT}) as p (purpose) cross join lateral (
      select from theseus.wave_batch b
      where b.wave_id = w.id and b.purpose = p.purpose and not b.is_done and b.due_at <= now()
        and (b.held_until is null or b.held_until <= now())
      limit 1
    ) b
  )
  order by w.permit desc, w.id limit $1`;

/**
 * Takes one batch of a wave under the lock of its row, which makes limits exact over all workers: so many batches at the
 * same time, so many subjects a second. An undo begins only once nobody has anything else of the wave in hand.
 */
const CLAIM = `
  with wave as (
    select w.*, ${PURPOSES_BY_PERMIT} as purposes from theseus.wave w where w.id = $1
  ), held as (
    select count(*) as count, count(*) filter (where b.purpose <> ${purposeNumber('undo')}) as others
    from theseus.wave_batch b where b.wave_id = $1 and b.holder is not null and b.held_until > now()
  ), next as (
    select b.wave_id, b.number
    from wave w cross join held h cross join unnest(w.purposes) as p (purpose) cross join lateral (
      select b.wave_id, b.number from theseus.wave_batch b
      where b.wave_id = $1 and b.purpose = p.purpose and not b.is_done and b.due_at <= now()
        and (b.held_until is null or b.held_until <= now())
      order by b.number limit 1
    ) b
    where h.count < $4 and (w.permit <> 'undoing' or h.others = 0)
      and ($5::double precision is null or w.permit = 'undoing' or w.ready_at <= now())
    order by p.purpose desc limit 1
  ), taken as (
    update theseus.wave_batch b
    set holder = $2, held_until = now() + make_interval(secs => $3::double precision / 1000), taken = b.taken + 1
    from next n
    where b.wave_id = n.wave_id and b.number = n.number and not b.is_done and (b.held_until is null or b.held_until <= now())
    returning b.wave_id, b.number, b.purpose, b.places, b.attributes, b.size, b.taken
  ), paced as (
    update theseus.wave w
    set ready_at = greatest(w.ready_at, now()) + make_interval(secs => t.size / $5::double precision)
    from taken t where w.id = t.wave_id and $5::double precision is not null
  )
  select w.migration_id, t.number, t.purpose, t.places, t.attributes, t.taken from taken t join wave w on w.id = t.wave_id`;

interface ClaimRow {
  readonly migration_id: number;
  readonly number: number;
  readonly purpose: number;
  readonly places: readonly number[];
  readonly attributes: readonly (Attributes | null)[] | null;
  readonly taken: number;
}

interface SubjectRow {
  readonly place: number;
  readonly key: string;
  readonly state: number;
  readonly attempts: number;
  readonly is_invalid: boolean;
  readonly is_conflict: boolean;
  readonly is_restoring: boolean;
  readonly migrated_hash: Buffer | null;
}

interface SavedRow {
  readonly place: number;
  readonly is_json: boolean;
  readonly saved: Buffer;
  readonly hash: Buffer;
}

type Attributes = LedgerSubject['attributes'];

/** From here on something was saved. */
const SAVED = stateNumber('saved');

async function subjectsOf(
  client: Client,
  waveId: number,
  { migration_id: migrationId, places, attributes }: ClaimRow,
): Promise<readonly LedgerSubject[]> {
  const { rows } = await client.query<SubjectRow>(
    `select place, key, state, attempts, is_invalid, is_conflict, is_restoring, migrated_hash
     from theseus.ledger where wave_id = $1 and place = any($2::integer[])`,
    [waveId, places],
  );
  const byPlace = new Map(rows.map((row) => [row.place, row]));
  const isSaved = rows.some(({ state }) => state >= SAVED);
  const saved = isSaved ? await savedOf(client, waveId, places) : new Map<number, SavedBytes>();
  const inOrder = places.flatMap((place) => byPlace.get(place) ?? []);
  const known = attributes ?? (await attributesOf(client, migrationId, inOrder));
  return inOrder.map((row, at) => ({
    place: row.place,
    key: row.key,
    state: stateOfNumber(row.state),
    attributes: known[at] ?? {},
    attempts: row.attempts,
    isInvalid: row.is_invalid,
    isConflict: row.is_conflict,
    isRestoring: row.is_restoring,
    saved: saved.get(row.place) ?? null,
    migratedHash: row.migrated_hash,
  }));
}

async function savedOf(
  client: Client,
  waveId: number,
  places: readonly number[],
): Promise<ReadonlyMap<number, SavedBytes>> {
  const { rows } = await client.query<SavedRow>(
    'select place, is_json, saved, hash from theseus.saved_state where wave_id = $1 and place = any($2::integer[])',
    [waveId, places],
  );
  return new Map(rows.map((row) => [row.place, { bytes: row.saved, isJson: row.is_json, hash: row.hash }]));
}

/** Of a batch that was made later: the first one of a wave brings them along. */
async function attributesOf(
  client: Client,
  migrationId: number,
  subjects: readonly SubjectRow[],
): Promise<readonly (Attributes | null)[]> {
  const { rows } = await client.query<{ key: string; attributes: Attributes | null }>(
    'select key, attributes from theseus.subject where migration_id = $1 and key = any($2::text[]) and attributes is not null',
    [migrationId, subjects.map(({ key }) => key)],
  );
  const byKey = new Map(rows.map((row) => [row.key, row.attributes]));
  return subjects.map(({ key }) => byKey.get(key) ?? null);
}

/** The claim as it stands when the transaction commits: its row is locked until then. */
async function isHeld(client: Client, { waveId, number, taken }: WaveBatch, worker: string): Promise<boolean> {
  const { rowCount } = await client.query(
    `select from theseus.wave_batch
     where wave_id = $1 and number = $2 and holder = $3 and taken = $4 and not is_done for update`,
    [waveId, number, worker, taken],
  );
  return rowCount === 1;
}

type PlaceOf = (key: string) => number | null;

async function writeSubjects(
  client: Client,
  { waveId, subjects }: WaveBatch,
  changes: readonly SubjectChange[],
): Promise<void> {
  if (changes.length === 0) return;
  const placeOf = places(subjects);
  await writeSaved(client, waveId, placeOf, changes);
  if (!(await writeAlike(client, waveId, placeOf, changes))) await writeEach(client, waveId, placeOf, changes);
}

async function writeSaved(
  client: Client,
  waveId: number,
  placeOf: PlaceOf,
  changes: readonly SubjectChange[],
): Promise<void> {
  const saving = changes.flatMap(({ key, saved }) => (saved === undefined ? [] : [{ place: placeOf(key), ...saved }]));
  if (saving.length === 0) return;
  await client.query(
    `insert into theseus.saved_state (wave_id, place, is_json, saved, hash)
     select $1, place, is_json, saved, hash
     from unnest($2::integer[], $3::boolean[], $4::bytea[], $5::bytea[]) as u (place, is_json, saved, hash)
     on conflict (wave_id, place) do update
       set is_json = excluded.is_json, saved = excluded.saved, hash = excluded.hash`,
    [
      waveId,
      saving.map(({ place }) => place),
      saving.map(({ isJson }) => isJson),
      saving.map(({ bytes }) => bytes),
      saving.map(({ hash }) => hash),
    ],
  );
}

/** Most of the time all of a batch go the same way: then little more than their places is sent. Whether it was so. */
async function writeAlike(
  client: Client,
  waveId: number,
  placeOf: PlaceOf,
  changes: readonly SubjectChange[],
): Promise<boolean> {
  const [first] = changes;
  if (first !== undefined && changes.every((change) => isPlain(change) && change.to === first.to)) {
    await client.query(
      'update theseus.ledger set state = $3, changed_at = now() where wave_id = $1 and place = any($2::integer[])',
      [waveId, changes.map(({ key }) => placeOf(key)), stateNumber(first.to)],
    );
    return true;
  }
  if (first !== undefined && changes.every((change) => isGood(change) && change.to === first.to)) {
    await client.query(
      `update theseus.ledger l set state = $3, is_invalid = false, reason = null, migrated_hash = u.hash,
         scores = u.scores, changed_at = now()
       from unnest($2::integer[], $4::bytea[], $5::json[]) as u (place, hash, scores)
       where l.wave_id = $1 and l.place = u.place`,
      [
        waveId,
        changes.map(({ key }) => placeOf(key)),
        stateNumber(first.to),
        changes.map(({ migratedHash }) => migratedHash ?? null),
        changes.map(({ scores }) => (scores === undefined ? null : JSON.stringify(scores))),
      ],
    );
    return true;
  }
  return false;
}

async function writeEach(
  client: Client,
  waveId: number,
  placeOf: PlaceOf,
  changes: readonly SubjectChange[],
): Promise<void> {
  await client.query(
    `update theseus.ledger l set state = u.state, attempts = coalesce(u.attempts, l.attempts),
       is_invalid = coalesce(u.is_invalid, l.is_invalid), is_conflict = coalesce(u.is_conflict, l.is_conflict),
       is_restoring = coalesce(u.is_restoring, l.is_restoring),
       migrated_hash = case when u.has_hash then u.hash else l.migrated_hash end,
       scores = coalesce(u.scores, l.scores),
       reason = case when u.has_reason then u.reason else l.reason end, changed_at = now()
     from unnest($2::integer[], $3::smallint[], $4::smallint[], $5::boolean[], $6::boolean[], $7::boolean[], $8::boolean[],
         $9::bytea[], $10::json[], $11::boolean[], $12::text[])
       as u (place, state, attempts, is_invalid, is_conflict, is_restoring, has_hash, hash, scores, has_reason, reason)
     where l.wave_id = $1 and l.place = u.place`,
    [
      waveId,
      changes.map(({ key }) => placeOf(key)),
      changes.map(({ to }) => stateNumber(to)),
      changes.map(({ attempts }) => attempts ?? null),
      changes.map(({ isInvalid }) => isInvalid ?? null),
      changes.map(({ isConflict }) => isConflict ?? null),
      changes.map(({ isRestoring }) => isRestoring ?? null),
      changes.map(({ migratedHash }) => migratedHash !== undefined),
      changes.map(({ migratedHash }) => migratedHash ?? null),
      changes.map(({ scores }) => (scores === undefined ? null : JSON.stringify(scores))),
      changes.map(({ reason }) => reason !== undefined),
      changes.map(({ reason }) => reason ?? null),
    ],
  );
}

function places(subjects: readonly LedgerSubject[]): PlaceOf {
  const known = new Map(subjects.map(({ key, place }) => [key, place]));
  return (key) => known.get(key) ?? null;
}

/** It was migrated and found right, the first time. */
function isGood({
  isInvalid,
  reason,
  attempts,
  isConflict,
  isRestoring,
  saved,
  migratedHash,
  scores,
}: SubjectChange): boolean {
  const hasOther = [attempts, isConflict, isRestoring, saved].some((field) => field !== undefined);
  return isInvalid === false && reason === null && migratedHash !== undefined && scores !== undefined && !hasOther;
}

/** Nothing but its state changes. */
function isPlain({ key: _key, from: _from, to: _to, saved: _saved, ...more }: SubjectChange): boolean {
  return Object.keys(more).length === 0;
}

/** Counts what has changed, so that nobody ever has to count subjects to know how far a wave is. */
async function writeCounts(
  client: Client,
  { waveId, purpose }: WaveBatch,
  changes: readonly SubjectChange[],
): Promise<void> {
  const moved = SUBJECT_STATES.map(() => 0);
  let [validated, invalid, conflicts] = [0, 0, 0];
  for (const { from, to, isInvalid, wasInvalid = false, isConflict } of changes) {
    moved[stateNumber(from)] = (moved[stateNumber(from)] ?? 0) - 1;
    moved[stateNumber(to)] = (moved[stateNumber(to)] ?? 0) + 1;
    // Validated anew for a resume each counts again; otherwise once, with how it stands by now.
    const isFirst = purpose === 'revalidate' || !wasInvalid;
    if (isInvalid !== undefined) {
      if (isFirst) validated += 1;
      invalid += Number(isInvalid) - Number(!isFirst);
    }
    if (isConflict === true) conflicts += 1;
  }
  await client.query(
    `update theseus.wave set
       counts = (select array_agg(a + b order by at) from unnest(counts, $2::bigint[]) with ordinality as c (a, b, at)),
       validated = validated + $3, invalid = greatest(0, invalid + $4), conflicts = greatest(0, conflicts + $5)
     where id = $1`,
    [waveId, moved, validated, invalid, conflicts],
  );
}

/** What is worth a line in a subject's history: each thing that went otherwise than it should. */
async function writeNotes(
  client: Client,
  migrationId: number,
  changes: readonly SubjectChange[],
  who: string,
): Promise<void> {
  const told = changes.filter(({ reason }) => reason !== undefined && reason !== null);
  if (told.length === 0) return;
  await client.query(
    `insert into theseus.subject_note (migration_id, key, state, who, text)
     select $1, key, state, $2, text from unnest($3::text[], $4::smallint[], $5::text[]) as told (key, state, text)`,
    [
      migrationId,
      who,
      told.map(({ key }) => key),
      told.map(({ to }) => stateNumber(to)),
      told.map(({ reason }) => reason),
    ],
  );
}
