import type { Refusal } from '@theseus/core/rollout';
import { type Decision, type Input, type RolloutState, replay } from '@theseus/core/rollout';
import { jobsOf, type Row, type Staged } from './model-database.ts';
import type { ModelServer } from './model-server.ts';
import type { World } from './world.ts';

export interface HandleOptions {
  readonly epoch?: number;
  readonly commandId?: string;
}

export type Handled =
  | { readonly kind: 'done'; readonly state: RolloutState; readonly events: number }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly kind: 'lease-lost' };

/** What was stored, with all that an invariant may want to know about how it came about. */
export interface Commit {
  readonly staged: Staged;
  readonly before: RolloutState;
  readonly input: Input | null;
  readonly options: HandleOptions;
  readonly leaseEpoch: number;
}

/** The engine's one write path as the model has it: decide and store in one transaction, with a fault at every seam. */
export class ModelEngine {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  start(server: ModelServer): void {
    const { world, runId } = { world: this.#world, runId: 'run-1' };
    const actor = { kind: 'person', name: 'ana' } as const;
    const start = { runId, plan: world.plan, planHash: 'sha256:simulated', actor, reason: 'simulated' };
    const decision = world.rules.startRun(start, server.clock());
    const staged = this.#stage(server, decision, server.clock(), null);
    world.database.commit(staged);
    const first = replay(decision.events.slice(0, 1)) ?? decision.state;
    world.committed(server, { staged, before: first, input: null, options: {}, leaseEpoch: 0 });
    server.remember(decision.state);
  }

  /** Throws {@link Crash} or {@link DatabaseFault} where the scenario says so. */
  handle(server: ModelServer, input: Input, options: HandleOptions = {}): Handled {
    const { database, rules } = this.#world;
    server.cross('transaction-begun');
    const { row } = database;
    const leaseEpoch = database.lease.epoch;
    if (options.epoch !== undefined && !rules.mayWrite(options.epoch, leaseEpoch)) return { kind: 'lease-lost' };
    if (this.#isRepeated(options.commandId)) return { kind: 'done', state: row.state, events: 0 };
    server.saw(row.lastAt);
    const now = server.now();
    const decision = rules.decide(row.state, input, now);
    server.cross('decided');
    if (decision.refusal !== null) {
      this.#world.refused(input, decision.refusal, row.state);
      return { kind: 'refused', refusal: decision.refusal };
    }
    if (decision.events.length === 0 && options.commandId === undefined) {
      return { kind: 'done', state: decision.state, events: 0 };
    }
    return this.#store(server, decision, now, { staged: row, input, options, leaseEpoch });
  }

  #store(
    server: ModelServer,
    decision: Decision,
    now: number,
    about: Omit<Commit, 'staged' | 'before'> & { readonly staged: Row },
  ): Handled {
    const { options, input, leaseEpoch } = about;
    const staged = this.#stage(server, decision, now, options.commandId ?? null);
    const { rules, database } = this.#world;
    if (rules.enqueuesInTransaction) database.commit(staged);
    else database.commit({ ...staged, jobs: [] });
    const before = about.staged.state;
    this.#world.committed(server, { staged, before, input, options, leaseEpoch });
    server.cross('committed');
    if (!rules.enqueuesInTransaction) database.addJobs(staged.jobs);
    server.remember(decision.state);
    return { kind: 'done', state: decision.state, events: staged.events.length };
  }

  #stage(server: ModelServer, decision: Decision, now: number, commandId: string | null): Staged {
    const { database, rules, time } = this.#world;
    const { state } = decision;
    const events = database.link(state.runId, decision.events);
    if (!database.isEmpty) server.cross('events-appended');
    const jobs =
      events.length === 0
        ? []
        : jobsOf(rules, events, state, { now: server.now(), trueNow: time.now, begun: database.begun });
    if (!database.isEmpty) server.cross('jobs-enqueued');
    const known = database.isEmpty ? null : database.row;
    const last = events.at(-1);
    const row = {
      state,
      lastHash: last?.hash ?? known?.lastHash ?? '',
      lastAt: last === undefined ? (known?.lastAt ?? now) : now,
    };
    const from = known?.state.revision ?? 0;
    return {
      events,
      row,
      jobs,
      command: commandId === null ? null : { id: commandId, revisions: [from + 1, state.revision] },
    };
  }

  #isRepeated(commandId: string | undefined): boolean {
    const { database, rules } = this.#world;
    return rules.remembersCommands && commandId !== undefined && database.commands.has(commandId);
  }
}
