import { TheseusError } from '@theseus/core/error';
import type { Plan } from '@theseus/core/plan';
import {
  type Decision,
  decide,
  type Effect,
  type EventType,
  type FlagOverrides,
  type FlagState,
  genesisHash,
  type Input,
  nextWakeAt,
  type RecordedEvent,
  type RolloutEvent,
  type RolloutState,
  type RunStart,
  recordEvent,
  startRun,
} from '@theseus/core/rollout';
import type { Client, Database, Queryable } from '../ports/database.ts';
import type { FlagStore } from '../postgres/flag-store.ts';
import type { RunStore, StoredRun } from '../postgres/run-store.ts';
import { type SystemPause, SystemPauseStore } from '../postgres/system-pause-store.ts';
import { taskFor } from './effect-task.ts';
import { requireSuccessBefore } from './environment-order.ts';
import { RunClocks } from './run-clocks.ts';

export const RUNS_CHANNEL = 'theseus_runs';
export const TIMER_TASK = 'theseus_timer';

/** Attempts at a job before it is given up; the engine itself turns failures of effects into results. */
const JOB_ATTEMPTS = 25;
/** SDKs report at least twice between two looks at a gate. */
const FLUSHES_PER_LOOK = 2;
const FASTEST_FLUSH_MS = 100;
const SLOWEST_FLUSH_MS = 5_000;

export interface Handled {
  readonly state: RolloutState;
  readonly events: readonly RecordedEvent[];
}

export interface HandleOptions {
  /** A driver's lease: its input is dropped when the lease has passed to another. */
  readonly epoch?: number;
  /** Asked under the run's lock: the input is dropped when it counts no more, because its sender was stopped for long. */
  readonly isCurrent?: (client: Client) => Promise<boolean>;
  /** Names a person's command, so that repeating it does nothing. */
  readonly commandId?: string;
}

export interface RunEngineParts {
  readonly database: Database;
  readonly runs: RunStore;
  readonly flags: FlagStore;
  readonly clock: () => number;
}

/**
 * The one write path: every input of every run is decided and stored here, in one transaction that holds the run's
 * row. Events, flags, jobs and timers become visible together or not at all.
 */
export class RunEngine {
  readonly #parts: RunEngineParts;
  readonly #systemPause = new SystemPauseStore();
  /** The time of each run, by which everything about it is decided. */
  readonly clocks: RunClocks;

  constructor(parts: RunEngineParts) {
    this.#parts = parts;
    this.clocks = new RunClocks(parts.clock);
  }

  async start(start: RunStart): Promise<Handled> {
    const { database, runs, flags, clock } = this.#parts;
    const handled = await database.transaction(async (client) => {
      const paused = await this.#systemPause.current(client);
      const overrides = await this.#inherited(client, start.plan);
      const known = { ...start, ...(Object.keys(overrides).length === 0 ? {} : { overrides }) };
      const decision = startRun(paused === null ? known : { ...known, paused: pausedText(paused) }, clock());
      await this.requireOrder(client, start.plan);
      await runs.insert(client, decision.state, flushEveryMs(start.plan));
      await flags.claim(client, { ...decision.state, flags: darkFlags(decision.state) });
      return this.#store(client, decision, { seq: 0, hash: genesisHash(start.runId) });
    });
    this.#committed(handled);
    return handled;
  }

  /** What people decided about subjects of the plan's flags outlives the run in which they did. */
  async #inherited(client: Client, plan: Plan): Promise<Readonly<Record<string, FlagOverrides>>> {
    const { runs, flags } = this.#parts;
    const found: [string, FlagOverrides][] = [];
    for (const [key, runId] of await flags.owners(client, plan.environment, Object.keys(plan.flags))) {
      const overrides = (await runs.read(client, runId))?.state.flags[key]?.overrides;
      if (overrides !== undefined) found.push([key, overrides]);
    }
    return Object.fromEntries(found);
  }

  /** Decides an input. Resolves to null when its sender has lost the right to give it. Refusals are thrown. */
  async handle(runId: string, input: Input, options: HandleOptions = {}): Promise<Handled | null> {
    const { database, runs } = this.#parts;
    const handled = await database.transaction(async (client) => {
      const stored = await runs.lock(client, runId);
      if (stored === null) throw new TheseusError('not-found', `There is no run '${runId}'`);
      if (options.epoch !== undefined && options.epoch !== stored.leaseEpoch) return null;
      if (options.isCurrent !== undefined && !(await options.isCurrent(client))) return null;
      const repeated = await this.#repeated(client, runId, options.commandId);
      if (repeated !== null) return { state: stored.state, events: repeated };
      const decision = decide(stored.state, input, this.#now(stored));
      if (decision.refusal !== null) throw new TheseusError(decision.refusal.code, decision.refusal.message);
      if (decision.events.some(({ type }) => type === 'plan.edited'))
        await this.requireOrder(client, decision.state.plan);
      const done = await this.#store(client, decision, { seq: stored.state.revision, hash: stored.lastHash });
      await this.#rememberCommand(client, runId, stored.state.revision, done, options.commandId);
      return done;
    });
    if (handled !== null) this.#committed(handled);
    return handled;
  }

  /**
   * Lets a plan run in an environment that comes after another only as it has succeeded there, edits included.
   *
   * @throws TheseusError `invalid-state` with what was last seen there, and the mend
   */
  async requireOrder(queryable: Queryable, plan: Plan): Promise<void> {
    if (plan.after === null) return;
    requireSuccessBefore(plan, await this.#parts.runs.earlier(queryable, plan, plan.after));
  }

  /** What an input would lead to by the state as it is known here: lets a quiet look skip the database. */
  foresee(state: RolloutState, input: Input): Decision {
    return decide(state, input, this.clocks.now(state.runId));
  }

  #now({ state: { runId }, lastAt }: StoredRun): number {
    this.clocks.saw(runId, lastAt);
    return this.clocks.now(runId);
  }

  async #store(
    client: Client,
    decision: Decision,
    last: { readonly seq: number; readonly hash: string },
  ): Promise<Handled> {
    const { state, events } = decision;
    if (events.length === 0) return { state, events: [] };
    let { seq, hash } = last;
    const recorded = events.map((event) => {
      seq += 1;
      const link = recordEvent(state.runId, seq, hash, event);
      hash = link.hash;
      return link;
    });
    if (seq !== state.revision)
      throw new TheseusError('internal', `Run ${state.runId} counts ${state.revision} events, the log ${seq}`);
    const { runs, flags } = this.#parts;
    await runs.append(client, state, recorded);
    const moved = new Set(events.flatMap((event) => flagsMovedBy(state, event)));
    if (events.some(({ type }) => type === 'plan.edited')) {
      await runs.replacePlan(client, state, flushEveryMs(state.plan));
      await flags.redefine(client, state);
    } else if (moved.size > 0) await flags.write(client, state, [...moved]);
    await this.#enqueue(client, decision);
    await client.query('select pg_notify($1, $2)', [RUNS_CHANNEL, state.runId]);
    return { state, events: recorded };
  }

  async #enqueue(client: Client, { state, events }: Decision): Promise<void> {
    const { runId } = state;
    const requested = events.flatMap((event) => (event.type === 'effect.requested' ? [event.effect] : []));
    const postponed = events.some(({ type }) => type === 'run.resumed') ? await this.#postponed(client, state) : [];
    const effects = new Map([...requested, ...postponed].map((effect) => [effect.id, effect]));
    for (const [effectId, effect] of effects) {
      await client.query('select graphile_worker.add_job($1, payload := $2::json, job_key := $3, max_attempts := $4)', [
        taskFor(effect, state.plan),
        JSON.stringify({ runId, effectId }),
        `${runId}/${effectId}`,
        JOB_ATTEMPTS,
      ]);
    }
    const wakeAt = nextWakeAt(state, this.clocks.now(runId));
    if (wakeAt === null) return;
    await client.query(
      'select graphile_worker.add_job($1, payload := $2::json, job_key := $3, run_at := $4, max_attempts := $5)',
      [
        TIMER_TASK,
        JSON.stringify({ runId }),
        `timer/${runId}`,
        new Date(wakeAt - this.clocks.aheadMs(runId)),
        JOB_ATTEMPTS,
      ],
    );
  }

  /** Effects whose jobs came up during a pause and were left alone; those that somebody has begun are not touched. */
  async #postponed(client: Client, state: RolloutState): Promise<readonly Effect[]> {
    if (state.status !== 'running' || Object.keys(state.effects).length === 0) return [];
    const begun = await this.#parts.runs.begunEffects(client, state.runId);
    return Object.values(state.effects).filter(({ id }) => !begun.has(id));
  }

  async #repeated(
    client: Client,
    runId: string,
    commandId: string | undefined,
  ): Promise<readonly RecordedEvent[] | null> {
    if (commandId === undefined) return null;
    const { rows } = await client.query<{ first_seq: number; last_seq: number }>(
      'select first_seq, last_seq from theseus.command where run_id = $1 and command_id = $2',
      [runId, commandId],
    );
    const known = rows[0];
    if (known === undefined) return null;
    return this.#parts.runs.events(client, runId, known.first_seq - 1, known.last_seq - known.first_seq + 1);
  }

  async #rememberCommand(
    client: Client,
    runId: string,
    before: number,
    done: Handled,
    commandId?: string,
  ): Promise<void> {
    if (commandId === undefined) return;
    await client.query(
      'insert into theseus.command (run_id, command_id, first_seq, last_seq) values ($1, $2, $3, $4)',
      [runId, commandId, before + 1, done.state.revision],
    );
  }

  #committed(handled: Handled): void {
    this.#parts.runs.remember(handled.state);
    const moved = handled.events.some(({ event }) => MOVES_FLAGS.includes(event.type));
    if (moved) void this.#parts.flags.refresh().catch(() => undefined);
  }
}

/** Events after which the flags in memory are read anew at once. */
const MOVES_FLAGS: readonly EventType[] = [
  'flag.exposure-changed',
  'flag.stage-changed',
  'flag.fallback-changed',
  'flag.overridden',
  'flag.retired',
  'flag.unretired',
  'run.started',
  'run.finished',
  'plan.edited',
];

/** The flags that evaluators are told anew after an event. With its end a run takes those back who were let in at 0 %. */
function flagsMovedBy(state: RolloutState, event: RolloutEvent): readonly string[] {
  switch (event.type) {
    case 'flag.exposure-changed':
    case 'flag.stage-changed':
    case 'flag.fallback-changed':
    case 'flag.overridden':
    case 'flag.retired':
    case 'flag.unretired':
      return [event.flag];
    case 'run.finished':
      return Object.values(state.flags).flatMap((flag) => (isLeftNamed(flag) ? flag.key : []));
    default:
      return [];
  }
}

function isLeftNamed({ status, exposure }: FlagState): boolean {
  return status === 'ramping' && exposure === 0;
}

function pausedText({ by, reason }: SystemPause): string {
  return `${by} has paused the whole system: ${reason}`;
}

/** Before its own first event a run exposes nobody. */
function darkFlags(state: RolloutState): RolloutState['flags'] {
  return Object.fromEntries(Object.entries(state.flags).map(([key, flag]) => [key, { ...flag, exposure: 0 }]));
}

function flushEveryMs(plan: Plan): number {
  const looks = Object.values(plan.gates).map(({ everyMs }) => everyMs);
  const fastest = looks.length === 0 ? SLOWEST_FLUSH_MS : Math.min(...looks);
  return Math.round(Math.min(SLOWEST_FLUSH_MS, Math.max(FASTEST_FLUSH_MS, fastest / FLUSHES_PER_LOOK)));
}
