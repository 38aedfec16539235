import { TheseusError } from '@theseus/core/error';
import type { FlagDefinition, FlagDocument, FlagPatch, SegmentDefinition } from '@theseus/core/flag';
import type { RolloutState } from '@theseus/core/rollout';
import type { Client, Queryable } from '../ports/database.ts';
import type { FlagService } from '../ports/flag-service.ts';

/** How often SDKs report when no run asks for more. */
export const IDLE_FLUSH_MS = 5_000;
export const FLAGS_CHANNEL = 'theseus_flags';

type Listener = Parameters<FlagService['onChange']>[0];

interface Snapshot {
  readonly document: FlagDocument;
}

/** The flags of all runs: written with the events that change them, held in memory for everybody who reads. */
export class FlagStore implements FlagService {
  #snapshot: Snapshot = { document: { version: 0, flags: {}, segments: {}, flushEveryMs: IDLE_FLUSH_MS } };
  readonly #listeners = new Set<Listener>();
  #loading: Promise<void> | null = null;
  #again = false;
  readonly #queryable: Queryable;

  constructor(queryable: Queryable) {
    this.#queryable = queryable;
  }

  document(): FlagDocument {
    return this.#snapshot.document;
  }

  onChange(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Reads what has changed since the last time. Calls during a read lead to one more read. */
  refresh(): Promise<void> {
    if (this.#loading !== null) {
      this.#again = true;
      return this.#loading;
    }
    this.#loading = this.#load().finally(() => {
      this.#loading = null;
      if (!this.#again) return;
      this.#again = false;
      void this.refresh().catch(() => undefined);
    });
    return this.#loading;
  }

  async #load(): Promise<void> {
    const before = this.#snapshot.document;
    const { rows } = await this.#queryable.query<LoadedRow>(LOAD, [before.version]);
    const row = rows[0];
    if (row === undefined || Number(row.version) <= before.version) return;
    const changed = Object.fromEntries((row.flags ?? []).map((flag) => [flag.key, flag]));
    const segments = Object.fromEntries((row.segments ?? []).map((segment) => [segment.key, segment]));
    const document: FlagDocument = {
      version: Number(row.version),
      flags: { ...before.flags, ...changed },
      segments,
      flushEveryMs: row.flush_every_ms ?? IDLE_FLUSH_MS,
    };
    this.#snapshot = { document };
    const samePattern =
      document.flushEveryMs === before.flushEveryMs && JSON.stringify(segments) === JSON.stringify(before.segments);
    const patch: FlagPatch | null = samePattern
      ? { from: before.version, version: document.version, flags: changed, removed: [] }
      : null;
    for (const listener of this.#listeners) listener(document, patch);
  }

  /** Takes the flags of a new run over. Refused while another unfinished run owns one of them. */
  async claim(client: Client, state: RolloutState): Promise<void> {
    const keys = Object.keys(state.flags);
    await lockVersion(client);
    await refuseTaken(client, keys);
    const segments = Object.values(state.plan.segments);
    await client.query(
      `insert into theseus.segment (key, definition) select * from unnest($1::text[], $2::json[])
       on conflict (key) do update set definition = excluded.definition`,
      [
        segments.map(({ key }) => segmentKey(state, key)),
        segments.map((s) => JSON.stringify({ ...s, key: segmentKey(state, s.key) })),
      ],
    );
    await this.write(client, state, keys);
  }

  /** Writes the flags as the run has decided them, under a new version. */
  async write(client: Client, state: RolloutState, keys: readonly string[]): Promise<number> {
    const version = await nextVersion(client);
    const definitions = keys.map((key) => definitionOf(state, key));
    const { rows } = await client.query<{ key: string }>(
      `insert into theseus.flag (key, run_id, definition, version)
       select key, $1, definition, $4 from unnest($2::text[], $3::json[]) as new (key, definition)
       on conflict (key) do update set run_id = excluded.run_id, definition = excluded.definition, version = excluded.version
         where flag.run_id = $1 or not exists
           (select from theseus.run where run.run_id = flag.run_id and (run.active or run.number > (select number from theseus.run where run_id = $1)))
       returning key`,
      [state.runId, keys, definitions.map((definition) => JSON.stringify(definition)), version],
    );
    const written = new Set(rows.map(({ key }) => key));
    const lost = keys.find((key) => !written.has(key));
    if (lost !== undefined) {
      throw new TheseusError('conflict', `Flag '${lost}' belongs to a newer run by now: act on that run instead`);
    }
    await client.query('select pg_notify($1, $2)', [FLAGS_CHANNEL, String(version)]);
    return version;
  }

  /** The versions at which flags of a run were last changed. */
  async versions(runId: string): Promise<ReadonlyMap<string, number>> {
    const { rows } = await this.#queryable.query<{ key: string; version: string }>(
      'select key, version from theseus.flag where run_id = $1',
      [runId],
    );
    return new Map(rows.map(({ key, version }) => [key, Number(version)]));
  }
}

interface LoadedRow {
  readonly version: string;
  readonly flags: readonly FlagDefinition[] | null;
  readonly segments: readonly SegmentDefinition[] | null;
  readonly flush_every_ms: number | null;
}

/** One statement, so that version and flags are of one moment. */
const LOAD = `
  select version,
    (select json_agg(definition) from theseus.flag where flag.version > $1) as flags,
    (select json_agg(definition order by key) from theseus.segment) as segments,
    (select min(flush_every_ms) from theseus.run where active) as flush_every_ms
  from theseus.flag_version`;

async function lockVersion(client: Client): Promise<void> {
  await client.query('select version from theseus.flag_version for update');
}

async function nextVersion(client: Client): Promise<number> {
  const { rows } = await client.query<{ version: string }>(
    'update theseus.flag_version set version = version + 1 returning version',
  );
  return Number(rows[0]?.version ?? 0);
}

/** A flag has one run at a time, and a new run never takes anybody back to legacy by merely starting. */
async function refuseTaken(client: Client, keys: readonly string[]): Promise<void> {
  const { rows } = await client.query<{ key: string; run_id: string; active: boolean; exposure: number }>(
    `select flag.key, flag.run_id, run.active, (flag.definition ->> 'exposure')::integer as exposure
     from theseus.flag join theseus.run using (run_id) where flag.key = any($1)`,
    [keys],
  );
  const taken = rows.find(({ active, exposure }) => active || exposure > 0);
  if (taken === undefined) return;
  const { key, run_id: runId, active, exposure } = taken;
  const message = active
    ? `Flag '${key}' belongs to run ${runId}, which has not ended: end that run first`
    : `Flag '${key}' is at ${exposure / 1000} % since run ${runId} and would fall back to 0 %: roll it back there first (theseus rollback ${runId} --flag ${key})`;
  throw new TheseusError('conflict', message);
}

/** Two plans may each have a segment of one name, so the plan's name is part of its key. */
function segmentKey(state: RolloutState, key: string): string {
  return `${state.plan.name}/${key}`;
}

/** What evaluators are told about a flag. Segment rules count only once the flag's own ramp has begun. */
function definitionOf(state: RolloutState, key: string): FlagDefinition {
  const flag = state.plan.flags[key];
  const exposure = state.flags[key]?.exposure ?? 0;
  const begun = exposure > 0;
  return {
    key,
    enabled: true,
    cohort: state.plan.cohort,
    salt: state.plan.salt,
    exposure,
    requires: flag?.requires ?? [],
    overrides: begun ? (flag?.overrides ?? NOBODY) : { candidate: [], legacy: flag?.overrides.legacy ?? [] },
    rules: begun ? (flag?.rules ?? []).map((rule) => ({ ...rule, segment: segmentKey(state, rule.segment) })) : [],
    fallback: flag?.fallback ?? true,
  };
}

const NOBODY = { candidate: [], legacy: [] };
