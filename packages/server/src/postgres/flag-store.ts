import { TheseusError } from '@theseus/core/error';
import {
  type Arm,
  EXPOSURE_WHOLE,
  type FlagDefinition,
  type FlagDocument,
  type FlagPatch,
  type SegmentDefinition,
} from '@theseus/core/flag';
import { type RolloutState, stagesOfArms } from '@theseus/core/rollout';
import type { Client, Queryable } from '../ports/database.ts';
import type { FlagService } from '../ports/flag-service.ts';
import { withEpochs } from './flag-epoch.ts';
import { FLAGS_CHANNEL, lockVersion, nextVersion } from './flag-version.ts';

/** How often SDKs report when no run asks for more. */
export const IDLE_FLUSH_MS = 5_000;

type Listener = Parameters<FlagService['onChange']>[0];

/** The flags of all runs, environment by environment: written with the events that change them, held in memory for everybody who reads. */
export class FlagStore implements FlagService {
  readonly #documents = new Map<string, FlagDocument>();
  /** The newest version of any environment that was read. */
  #version = 0;
  readonly #listeners = new Set<Listener>();
  #loading: Promise<void> | null = null;
  #again = false;
  readonly #queryable: Queryable;

  constructor(queryable: Queryable) {
    this.#queryable = queryable;
  }

  document(environment: string): FlagDocument {
    return this.#documents.get(environment) ?? NO_FLAGS;
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
    const { rows } = await this.#queryable.query<LoadedRow>(LOAD, [this.#version]);
    for (const row of rows) this.#apply(row);
  }

  #apply(row: LoadedRow): void {
    const before = this.document(row.name);
    const changed = Object.fromEntries((row.flags ?? []).map((flag) => [flag.key, flag]));
    const segments = Object.fromEntries((row.segments ?? []).map((segment) => [segment.key, segment]));
    const document: FlagDocument = {
      version: Number(row.version),
      flags: { ...before.flags, ...changed },
      segments,
      flushEveryMs: row.flush_every_ms ?? IDLE_FLUSH_MS,
    };
    this.#documents.set(row.name, document);
    this.#version = document.version;
    const samePattern =
      document.flushEveryMs === before.flushEveryMs && JSON.stringify(segments) === JSON.stringify(before.segments);
    const patch: FlagPatch | null = samePattern
      ? { from: before.version, version: document.version, flags: changed, removed: [] }
      : null;
    for (const listener of this.#listeners) listener(document, patch, row.name);
  }

  /** Takes the flags of a new run over. Refused while another unfinished run owns one of them. */
  async claim(client: Client, state: RolloutState): Promise<void> {
    const keys = Object.keys(state.flags);
    const changedSegments = await this.#claim(client, state, keys);
    await this.#write(client, state, keys, changedSegments);
  }

  /** Takes over what an edit has added, and writes every flag of the run as the plan has it by now. */
  async redefine(client: Client, state: RolloutState): Promise<void> {
    const owned = await this.#ownedBy(client, state.runId);
    const changedSegments = await this.#claim(
      client,
      state,
      Object.keys(state.flags).filter((key) => !owned.has(key)),
    );
    await this.#write(client, state, Object.keys(state.flags), changedSegments);
  }

  async #ownedBy(client: Client, runId: string): Promise<ReadonlySet<string>> {
    const { rows } = await client.query<{ key: string }>('select key from theseus.flag where run_id = $1', [runId]);
    return new Set(rows.map(({ key }) => key));
  }

  /** Returns the segments that are others than before. */
  async #claim(client: Client, state: RolloutState, keys: readonly string[]): Promise<ReadonlySet<string>> {
    await lockVersion(client);
    await refuseTaken(client, state.plan.environment, keys);
    const segments = Object.values(state.plan.segments);
    const { rows } = await client.query<{ key: string }>(
      `insert into theseus.segment as known (environment, key, definition)
       select $1, * from unnest($2::text[], $3::json[])
       on conflict (environment, key) do update set definition = excluded.definition
         where known.definition::text <> excluded.definition::text
       returning key`,
      [
        state.plan.environment,
        segments.map(({ key }) => segmentKey(state, key)),
        segments.map((s) => JSON.stringify({ ...s, key: segmentKey(state, s.key) })),
      ],
    );
    return new Set(rows.map(({ key }) => key));
  }

  /** Writes the flags as the run has decided them, under a new version. */
  write(client: Client, state: RolloutState, keys: readonly string[]): Promise<number> {
    return this.#write(client, state, keys, new Set());
  }

  async #write(
    client: Client,
    state: RolloutState,
    keys: readonly string[],
    changedSegments: ReadonlySet<string>,
  ): Promise<number> {
    const version = await nextVersion(client, state.plan.environment);
    const decided = keys.map((key) => definitionOf(state, key));
    const definitions = await withEpochs(
      client,
      { environment: state.plan.environment, version, changedSegments },
      decided,
    );
    const { rows } = await client.query<{ key: string }>(
      `insert into theseus.flag (environment, key, run_id, definition, version)
       select $5, key, $1, definition, $4 from unnest($2::text[], $3::json[]) as new (key, definition)
       on conflict (environment, key) do update set run_id = excluded.run_id, definition = excluded.definition, version = excluded.version
         where flag.run_id = $1 or not exists
           (select from theseus.run where run.run_id = flag.run_id and (run.active or run.number > (select number from theseus.run where run_id = $1)))
       returning key`,
      [state.runId, keys, definitions.map((definition) => JSON.stringify(definition)), version, state.plan.environment],
    );
    const written = new Set(rows.map(({ key }) => key));
    const lost = keys.find((key) => !written.has(key));
    if (lost !== undefined) {
      throw new TheseusError('conflict', `Flag '${lost}' belongs to a newer run by now: act on that run instead`);
    }
    await client.query('select pg_notify($1, $2)', [FLAGS_CHANNEL, String(version)]);
    return version;
  }

  /** The run that each of the flags belongs to, or last belonged to. */
  async owners(
    queryable: Queryable,
    environment: string,
    keys: readonly string[],
  ): Promise<ReadonlyMap<string, string>> {
    const { rows } = await queryable.query<{ key: string; run_id: string }>(
      'select key, run_id from theseus.flag where environment = $1 and key = any($2)',
      [environment, keys],
    );
    return new Map(rows.map(({ key, run_id }) => [key, run_id]));
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
  readonly name: string;
  readonly version: string;
  readonly flags: readonly FlagDefinition[] | null;
  readonly segments: readonly SegmentDefinition[] | null;
  readonly flush_every_ms: number | null;
}

const NO_FLAGS: FlagDocument = { version: 0, flags: {}, segments: {}, flushEveryMs: IDLE_FLUSH_MS };

/**
 * The environments that have moved since. One statement, so that version and flags are of one moment; versions come
 * from one counter that is held until the commit, so that none is ever seen late.
 */
const LOAD = `
  select name, version,
    (select json_agg(definition) from theseus.flag where flag.environment = name and flag.version > $1) as flags,
    (select json_agg(definition order by key) from theseus.segment where segment.environment = name) as segments,
    (select min(flush_every_ms) from theseus.run where active and run.environment = name) as flush_every_ms
  from theseus.environment where version > $1 order by version`;

/** A flag has one run at a time, and a new run never takes anybody back to legacy by merely starting. */
async function refuseTaken(client: Client, environment: string, keys: readonly string[]): Promise<void> {
  const { rows } = await client.query<{
    key: string;
    run_id: string;
    active: boolean;
    exposure: number;
    stage: string;
  }>(
    `select flag.key, flag.run_id, run.active, coalesce(flag.definition #>> '{audience,exposure}', flag.definition ->> 'exposure')::integer as exposure,
       coalesce(flag.definition #>> '{migration,stages,legacy}', 'off') as stage
     from theseus.flag join theseus.run using (run_id) where flag.environment = $1 and flag.key = any($2)`,
    [environment, keys],
  );
  const taken = rows.find(({ active, exposure, stage }) => active || exposure > 0 || stage !== 'off');
  if (taken === undefined) return;
  const { key, run_id: runId, active, exposure, stage } = taken;
  const where = exposure > 0 ? `at ${exposure / 1000} %` : `at stage ${stage}`;
  const fallen = exposure > 0 ? '0 %' : 'off';
  const message = active
    ? `Flag '${key}' belongs to run ${runId}, which has not ended: end that run first`
    : `Flag '${key}' is ${where} since run ${runId} and would fall back to ${fallen}: roll it back there first (theseus rollback ${runId} --flag ${key})`;
  throw new TheseusError('conflict', message);
}

/** Two plans may each have a segment of one name, so the plan's name is part of its key. */
function segmentKey(state: RolloutState, key: string): string {
  return `${state.plan.name}/${key}`;
}

/** What evaluators are told about a flag. */
function definitionOf(state: RolloutState, key: string): FlagDefinition {
  const definition = openDefinitionOf(state, key);
  return state.flags[key]?.status === 'retired' ? retired(definition, state.flags[key].variant) : definition;
}

/**
 * Nothing of the plan is left in it that could send anybody elsewhere: an evaluator that knows of no retirement comes to
 * the same for every subject with a key.
 */
function retired(
  { key, cohort, salt, fallback, migration }: FlagDefinition,
  variant: string | undefined,
): FlagDefinition {
  return {
    key,
    enabled: true,
    cohort,
    salt,
    exposure: EXPOSURE_WHOLE,
    requires: [],
    overrides: { candidate: [], legacy: [] },
    rules: [],
    fallback,
    ...(migration === undefined ? {} : { migration }),
    ...(variant === undefined ? {} : { variants: [{ name: variant, weight: EXPOSURE_WHOLE }] }),
    retired: true,
  };
}

/** Segment rules count only once the flag's own ramp has begun. */
function openDefinitionOf(state: RolloutState, key: string): FlagDefinition {
  const flag = state.plan.flags[key];
  const exposure = state.flags[key]?.exposure ?? 0;
  // A ramp may begin at 0 %, with nobody but those who are named. Whoever ends such a run ends that as well.
  const begun = exposure > 0 || (state.flags[key]?.status === 'ramping' && state.status !== 'finished');
  return {
    key,
    enabled: true,
    cohort: flag?.by ?? state.plan.cohort,
    salt: state.plan.salt,
    exposure: flag?.only === undefined ? exposure : 0,
    requires: flag?.requires ?? [],
    overrides: overridesOf(state, key, begun),
    rules: begun ? (flag?.rules ?? []).map((rule) => ({ ...rule, segment: segmentKey(state, rule.segment) })) : [],
    ...(flag?.only === undefined ? {} : { audience: { segment: segmentKey(state, flag.only), exposure } }),
    fallback: (flag?.fallback ?? true) && state.flags[key]?.fallbackOff !== true,
    ...(flag?.strata === undefined ? {} : { strata: flag.strata.map((segment) => segmentKey(state, segment)) }),
    ...(flag?.migration === undefined ? {} : { migration: { ...flag.migration, stages: stagesOfArms(state, key) } }),
    ...(flag?.variants === undefined ? {} : { variants: flag.variants }),
    ...(flag?.metrics === undefined ? {} : { goals: goalsOf(state, flag.metrics) }),
  };
}

/** What programs are to track for a flag, each once: two metrics may read one goal. */
function goalsOf({ plan: { signals } }: RolloutState, metrics: readonly string[]): readonly string[] {
  const sources = metrics.flatMap((name) => signals[name]?.source ?? []);
  return [...new Set(sources.flatMap((source) => (source.kind === 'goal' ? source.goal : [])))];
}

const NOBODY = { candidate: [], legacy: [] };

/** What people decided goes before what the plan says; before the ramp has begun, and once all is taken back, nobody is let in. */
function overridesOf(state: RolloutState, key: string, begun: boolean): FlagDefinition['overrides'] {
  const planned = state.plan.flags[key]?.overrides ?? NOBODY;
  const decided = state.flags[key]?.overrides ?? NOBODY;
  const isDecided = new Set([...decided.candidate, ...decided.legacy]);
  const planFor = (arm: Arm): readonly string[] => planned[arm].filter((subject) => !isDecided.has(subject));
  return {
    candidate: begun ? [...planFor('candidate'), ...decided.candidate] : [],
    legacy: [...planFor('legacy'), ...decided.legacy],
  };
}
