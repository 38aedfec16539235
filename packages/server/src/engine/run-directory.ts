import { randomBytes } from 'node:crypto';
import { TheseusError } from '@theseus/core/error';
import type { Metric } from '@theseus/core/health';
import type { Plan } from '@theseus/core/plan';
import {
  compareForEdit,
  type PlanEdit,
  type RecordedEvent,
  type RolloutState,
  type RunView,
  viewOf,
} from '@theseus/core/rollout';
import { forecast } from '@theseus/core/simulate';
import type { Database } from '../ports/database.ts';
import type { MetricSource } from '../ports/metric-source.ts';
import type { CommandOutcome, EditVerb, RunCommand, RunService, StartRun } from '../ports/run-service.ts';
import type { RunStore } from '../postgres/run-store.ts';
import type { RunEngine } from './run-engine.ts';
import type { WatchMemory } from './watch-memory.ts';

export interface RunDirectoryParts {
  readonly database: Database;
  readonly runs: RunStore;
  readonly engine: RunEngine;
  readonly memory: WatchMemory;
  /** Where what users reached is compared; without it views have no metrics. */
  readonly metrics?: MetricSource | undefined;
  readonly clock: () => number;
}

const ID_BYTES = 3;

/** Runs as people and programs reach them: by id or as `latest`, to start, to command and to look at. */
export class RunDirectory implements RunService {
  readonly #parts: RunDirectoryParts;
  readonly #listeners = new Map<string, Set<() => void>>();

  constructor(parts: RunDirectoryParts) {
    this.#parts = parts;
  }

  async start({ plan, planHash, actor, reason }: StartRun): Promise<RunView> {
    const runId = newRunId(plan.name, this.#parts.clock());
    const told = forecast(plan, this.#parts.clock());
    await this.#parts.engine.start({ runId, plan, planHash, actor, reason, forecast: told });
    return this.view(runId);
  }

  async command(command: RunCommand): Promise<CommandOutcome> {
    const runId = await this.#resolve(command.runId);
    const { verb, actor, reason, expectedRevision, commandId } = command;
    const asked = { verb, actor, reason, ...(expectedRevision === undefined ? {} : { expectedRevision }) };
    const options = commandId === undefined ? {} : { commandId };
    const handled = await this.#parts.engine.handle(runId, { kind: 'command', command: asked }, options);
    return { run: await this.view(runId), events: handled?.events ?? [] };
  }

  async previewEdit(idOrLatest: string, plan: Plan): Promise<PlanEdit> {
    return compareForEdit(await this.#state(idOrLatest), plan);
  }

  async rehearseEdit(command: RunCommand & { readonly verb: EditVerb }): Promise<PlanEdit> {
    const state = await this.#state(command.runId);
    const { engine, database } = this.#parts;
    const { refusal } = engine.foresee(state, { kind: 'command', command });
    // What the plan itself does wrong is told line by line with what it would change.
    if (refusal !== null && refusal.code !== 'invalid-plan') throw new TheseusError(refusal.code, refusal.message);
    if (refusal === null) await engine.requireOrder(database, command.verb.plan);
    return compareForEdit(state, command.verb.plan);
  }

  async view(idOrLatest: string): Promise<RunView> {
    const runId = await this.#resolve(idOrLatest);
    const { database, runs, memory, clock } = this.#parts;
    const stored = await runs.read(database, runId);
    if (stored === null) throw unknownRun(idOrLatest);
    const watches = memory.of(runId) ?? (await runs.watches(database, runId));
    const view = viewOf(stored.state, watches, clock());
    return { ...view, flags: await this.#withMetrics(stored.state, view.flags) };
  }

  async list(limit: number): Promise<readonly RunView[]> {
    const ids = await this.#parts.runs.newest(this.#parts.database, limit);
    return Promise.all(ids.map((runId) => this.view(runId)));
  }

  async events(idOrLatest: string, after: number, limit: number): Promise<readonly RecordedEvent[]> {
    const runId = await this.#resolve(idOrLatest);
    const stored = await this.#parts.runs.read(this.#parts.database, runId);
    if (stored === null) throw unknownRun(idOrLatest);
    return this.#parts.runs.events(this.#parts.database, runId, after, limit);
  }

  async readersOf(
    signal: string,
    of: { readonly runId?: string; readonly flag?: string; readonly environment?: string },
  ): Promise<readonly string[]> {
    const { database, runs } = this.#parts;
    const { runId: idOrLatest, flag, environment } = of;
    if (idOrLatest === undefined)
      return runs.readersOf(database, signal, environment === undefined ? {} : { environment });
    const runId = await this.#resolve(idOrLatest);
    const plan = (await runs.read(database, runId))?.state.plan;
    if (plan === undefined) throw unknownRun(idOrLatest);
    if (environment !== undefined && environment !== plan.environment)
      throw new TheseusError(
        'invalid-argument',
        `Run ${runId} is in environment '${plan.environment}', not '${environment}'`,
      );
    const reported = Object.values(plan.signals).filter(({ source }) => source.kind === 'reported');
    if (!reported.some(({ name }) => name === signal))
      throw unknownName(
        'reported signal',
        signal,
        reported.map(({ name }) => name),
        runId,
      );
    if (flag !== undefined && plan.flags[flag] === undefined)
      throw unknownName('flag', flag, Object.keys(plan.flags), runId);
    return [runId];
  }

  onChange(runId: string, listener: () => void): () => void {
    const listeners = this.#listeners.get(runId) ?? new Set();
    this.#listeners.set(runId, listeners);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(runId);
    };
  }

  /** Tells everybody who looks at the run that there is something new to see. */
  announce(runId: string): void {
    for (const listener of this.#listeners.get(runId) ?? []) listener();
  }

  /** The same of every run: what was said meanwhile was missed. */
  announceAll(): void {
    for (const runId of [...this.#listeners.keys()]) this.announce(runId);
  }

  async #withMetrics({ runId, plan }: RolloutState, flags: RunView['flags']): Promise<RunView['flags']> {
    const { metrics } = this.#parts;
    if (metrics === undefined) return flags;
    return Promise.all(
      flags.map(async (flag) => {
        const measured = (plan.flags[flag.key]?.metrics ?? []).flatMap((name) => metricOf(plan, name) ?? []);
        if (measured.length === 0) return flag;
        const { environment } = plan;
        const request = { runId, environment, flag: flag.key, metrics: measured };
        const [now, pastMetrics] = await Promise.all([metrics.compare(request), metrics.past(request)]);
        return { ...flag, metrics: now.comparisons, pastMetrics };
      }),
    );
  }

  async #state(idOrLatest: string): Promise<RolloutState> {
    const stored = await this.#parts.runs.read(this.#parts.database, await this.#resolve(idOrLatest));
    if (stored === null) throw unknownRun(idOrLatest);
    return stored.state;
  }

  async #resolve(idOrLatest: string): Promise<string> {
    if (idOrLatest !== 'latest') return idOrLatest;
    const [newest] = await this.#parts.runs.newest(this.#parts.database, 1);
    if (newest === undefined)
      throw new TheseusError('not-found', 'There is no run yet: start one with `theseus run plan.yaml`');
    return newest;
  }
}

function metricOf({ signals }: Plan, name: string): Metric | undefined {
  const source = signals[name]?.source;
  if (source?.kind !== 'goal') return undefined;
  const { goal, measure, better } = source;
  return { name, goal, measure, better };
}

function unknownRun(runId: string): TheseusError {
  return new TheseusError('not-found', `There is no run '${runId}': see \`theseus status\` for those there are`);
}

function unknownName(kind: string, name: string, known: readonly string[], runId: string): TheseusError {
  const has = known.length === 0 ? 'it has none' : `it has: ${known.join(', ')}`;
  return new TheseusError('not-found', `Run ${runId} has no ${kind} '${name}', ${has}`);
}

/** `cvplus-20261123-4fa09c`: readable, sortable by day, unique. */
function newRunId(plan: string, now: number): string {
  const day = new Date(now).toISOString().slice(0, 10).replaceAll('-', '');
  return `${plan}-${day}-${randomBytes(ID_BYTES).toString('hex')}`;
}
