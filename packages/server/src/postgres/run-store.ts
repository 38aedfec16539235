import { DEFAULT_ENVIRONMENT } from '@theseus/core/flag';
import type { Watch } from '@theseus/core/health';
import type { Plan } from '@theseus/core/plan';
import type { EventType, Outcome, RecordedEvent, RolloutEvent, RolloutState, RunStatus } from '@theseus/core/rollout';
import type { Client, Queryable } from '../ports/database.ts';

/** A run as stored: its state, and what the next event is linked to. */
export interface StoredRun {
  readonly state: RolloutState;
  readonly lastHash: string;
  /** The moment of the newest event, epoch milliseconds. */
  readonly lastAt: number;
  readonly leaseEpoch: number;
}

/** How a run of the same plan went, or goes, in another environment. */
export interface EarlierRun {
  readonly runId: string;
  readonly contentHash: string;
  readonly status: RunStatus;
  readonly outcome: Outcome | null;
  readonly isRollingBack: boolean;
}

interface RunRow {
  readonly revision: number;
  readonly last_hash: string;
  readonly last_at: string;
  readonly lease_epoch: string;
}

interface FullRunRow extends RunRow {
  readonly plan: Plan;
  readonly state: Omit<RolloutState, 'plan'>;
}

/** So many runs that have ended are kept in memory: of those that move, all are. */
const MOST_ENDED = 100;

/** Runs and their append-only logs. States are kept in memory by revision, so that a quiet run costs one small row. */
export class RunStore {
  readonly #known = new Map<string, RolloutState>();
  /** Those of them that have ended, the one that was read first at the front. */
  readonly #ended = new Set<string>();

  /** Locks the run against every other writer until the transaction ends. */
  lock(client: Client, runId: string): Promise<StoredRun | null> {
    return this.#read(client, runId, 'for update');
  }

  /** Keeps the run as it is until the transaction ends; others may keep it too. */
  keep(client: Client, runId: string): Promise<StoredRun | null> {
    return this.#read(client, runId, 'for share');
  }

  read(queryable: Queryable, runId: string): Promise<StoredRun | null> {
    return this.#read(queryable, runId, '');
  }

  async #read(
    queryable: Queryable,
    runId: string,
    locking: '' | 'for share' | 'for update',
  ): Promise<StoredRun | null> {
    const { rows } = await queryable.query<RunRow>(
      `select revision, last_hash, last_at, lease_epoch from theseus.run where run_id = $1 ${locking}`,
      [runId],
    );
    const row = rows[0];
    return row === undefined ? null : this.#stored(queryable, runId, row);
  }

  /** The state as last seen here, which may be behind; undefined when the run was never read. */
  known(runId: string): RolloutState | undefined {
    return this.#known.get(runId);
  }

  /** Remembers a state whose transaction has been committed. */
  remember(state: RolloutState): void {
    const known = this.#known.get(state.runId);
    if (known !== undefined && known.revision >= state.revision) return;
    this.#known.set(state.runId, state);
    this.#ended.delete(state.runId);
    if (!isActive(state)) this.#keepEnded(state.runId);
  }

  #keepEnded(runId: string): void {
    this.#ended.add(runId);
    const [oldest] = this.#ended;
    if (this.#ended.size <= MOST_ENDED || oldest === undefined) return;
    this.#ended.delete(oldest);
    this.#known.delete(oldest);
  }

  async insert(client: Client, state: RolloutState, flushEveryMs: number): Promise<void> {
    await client.query(
      `insert into theseus.run
         (run_id, plan_name, plan_hash, plan, state, revision, last_hash, last_at, active, flush_every_ms,
          environment, content_hash)
       values ($1, $2, $3, $4, '{}', 0, '', 0, true, $5, $6, $7)`,
      [
        state.runId,
        state.plan.name,
        state.planHash,
        JSON.stringify(state.plan),
        flushEveryMs,
        state.plan.environment,
        state.plan.contentHash,
      ],
    );
  }

  /** Stores the plan as it was edited, with the events that say so. */
  async replacePlan(client: Client, { runId, plan, planHash }: RolloutState, flushEveryMs: number): Promise<void> {
    await client.query(
      `update theseus.run set plan = $2, plan_hash = $3, content_hash = $4, flush_every_ms = $5 where run_id = $1`,
      [runId, JSON.stringify(plan), planHash, plan.contentHash, flushEveryMs],
    );
  }

  /** Effects that somebody has begun to carry out. */
  async begunEffects(queryable: Queryable, runId: string): Promise<ReadonlySet<string>> {
    const { rows } = await queryable.query<{ effect_id: string }>(
      'select effect_id from theseus.effect_attempt where run_id = $1',
      [runId],
    );
    return new Set(rows.map(({ effect_id }) => effect_id));
  }

  /** Runs that have not ended, the oldest first. */
  async unfinished(queryable: Queryable): Promise<readonly string[]> {
    const { rows } = await queryable.query<{ run_id: string }>(
      `select run_id from theseus.run where active and state ->> 'status' <> 'finished' order by number`,
    );
    return rows.map(({ run_id }) => run_id);
  }

  async append(client: Client, state: RolloutState, events: readonly RecordedEvent[]): Promise<void> {
    const { plan: _stored, ...rest } = state;
    const last = events.at(-1);
    await client.query(
      `insert into theseus.event (run_id, seq, type, event, previous_hash, hash)
       select $1, * from unnest($2::integer[], $3::text[], $4::json[], $5::text[], $6::text[])`,
      [
        state.runId,
        events.map(({ seq }) => seq),
        events.map(({ event }) => event.type),
        events.map(({ event }) => JSON.stringify(event)),
        events.map(({ previousHash }) => previousHash),
        events.map(({ hash }) => hash),
      ],
    );
    await client.query(
      `update theseus.run set state = $2, revision = $3, last_hash = $4, last_at = $5, active = $6 where run_id = $1`,
      [state.runId, JSON.stringify(rest), state.revision, last?.hash ?? '', last?.event.at ?? 0, isActive(state)],
    );
  }

  async events(queryable: Queryable, runId: string, after: number, limit: number): Promise<readonly RecordedEvent[]> {
    const { rows } = await queryable.query<{
      seq: number;
      event: RecordedEvent['event'];
      previous_hash: string;
      hash: string;
    }>(
      `select seq, event, previous_hash, hash from theseus.event
       where run_id = $1 and seq > $2 order by seq limit $3`,
      [runId, after, limit],
    );
    return rows.map(({ seq, event, previous_hash, hash }) => ({
      runId,
      seq,
      event,
      previousHash: previous_hash,
      hash,
    }));
  }

  /** All events of a run of one type, in order. */
  async eventsOfType<Type extends EventType>(
    queryable: Queryable,
    runId: string,
    type: Type,
  ): Promise<readonly Extract<RolloutEvent, { readonly type: Type }>[]> {
    const { rows } = await queryable.query<{ event: Extract<RolloutEvent, { readonly type: Type }> }>(
      'select event from theseus.event where run_id = $1 and type = $2 order by seq',
      [runId, type],
    );
    return rows.map(({ event }) => event);
  }

  /** Newest first. */
  async newest(queryable: Queryable, limit: number): Promise<readonly string[]> {
    const { rows } = await queryable.query<{ run_id: string }>(
      'select run_id from theseus.run order by number desc limit $1',
      [limit],
    );
    return rows.map(({ run_id }) => run_id);
  }

  /**
   * The run of the same plan in that environment that says most about the plan's content: its newest standing success,
   * else its newest run, else the newest run of any other content.
   */
  async earlier(queryable: Queryable, plan: Plan, environment: string): Promise<EarlierRun | null> {
    const { rows } = await queryable.query<EarlierRun>(EARLIER, [plan.name, environment, plan.contentHash]);
    return rows[0] ?? null;
  }

  /** Unfinished runs whose plan has a reported signal of this name, in one environment or in all. */
  async readersOf(
    queryable: Queryable,
    signal: string,
    of: { readonly environment?: string } = {},
  ): Promise<readonly string[]> {
    const { rows } = await queryable.query<{ run_id: string }>(
      `select run_id from theseus.run
       where active and plan #>> array['signals', $1, 'source', 'kind'] = 'reported'
         and ($2::text is null or environment = $2) order by number`,
      [signal, of.environment ?? null],
    );
    return rows.map(({ run_id }) => run_id);
  }

  async watches(queryable: Queryable, runId: string): Promise<ReadonlyMap<string, Watch>> {
    const { rows } = await queryable.query<{ watch: Watch }>('select watch from theseus.watch where run_id = $1', [
      runId,
    ]);
    return new Map(rows.map(({ watch }) => [watch.id, watch]));
  }

  /** Writes nothing under a lease that has passed to another. */
  async saveWatches(
    queryable: Queryable,
    { runId, epoch }: { readonly runId: string; readonly epoch: number },
    watches: readonly Watch[],
  ): Promise<void> {
    await queryable.query(
      `with held as (select from theseus.run where run_id = $1 and lease_epoch = $4 for share)
       insert into theseus.watch (run_id, watch_id, watch)
       select $1, saved.* from held, unnest($2::text[], $3::json[]) as saved
       on conflict (run_id, watch_id) do update set watch = excluded.watch`,
      [runId, watches.map(({ id }) => id), watches.map((watch) => JSON.stringify(watch)), epoch],
    );
  }

  async #stored(queryable: Queryable, runId: string, row: RunRow): Promise<StoredRun> {
    const found = { lastHash: row.last_hash, lastAt: Number(row.last_at), leaseEpoch: Number(row.lease_epoch) };
    const known = this.#known.get(runId);
    if (known?.revision === row.revision) return { state: known, ...found };
    const { rows } = await queryable.query<FullRunRow>(
      'select plan, state, revision, last_hash, last_at, lease_epoch from theseus.run where run_id = $1',
      [runId],
    );
    const full = rows[0];
    if (full === undefined) throw new Error(`run ${runId} vanished`);
    // The same object where it is the same plan, because look-ups into it are remembered by object.
    const isSamePlan = known !== undefined && known.planHash === full.state.planHash;
    const plan = isSamePlan ? known.plan : { ...BEFORE_ENVIRONMENTS, ...full.plan };
    const state: RolloutState = { ...full.state, plan };
    if (full.revision === state.revision) this.remember(state);
    return { state, lastHash: full.last_hash, lastAt: Number(full.last_at), leaseEpoch: Number(full.lease_epoch) };
  }
}

/** What a plan lacks that was stored before environments had names. */
const BEFORE_ENVIRONMENTS = { environment: DEFAULT_ENVIRONMENT, after: null, contentHash: '' };

const EARLIER = `
  select "runId", "contentHash", status, outcome, "isRollingBack" from (
    select number, run_id as "runId", content_hash as "contentHash",
      state ->> 'status' as status, state ->> 'outcome' as outcome,
      exists (select from json_array_elements(state -> 'rollbacks') as r where r ->> 'status' = 'running') as "isRollingBack"
    from theseus.run where plan_name = $1 and environment = $2
  ) as found
  order by "contentHash" = $3 desc,
    "contentHash" = $3 and outcome is not distinct from 'succeeded' and not "isRollingBack" desc, number desc
  limit 1`;

/** A run needs a driver while anything about it may still move: a rollback after its end included. */
function isActive(state: RolloutState): boolean {
  return (
    state.status !== 'finished' ||
    Object.keys(state.effects).length > 0 ||
    state.rollbacks.some(({ status }) => status === 'running') ||
    Object.values(state.flags).some(({ confirmed }) => !confirmed)
  );
}
