import type { Watch } from '@theseus/core/health';
import { genesisHash, type RecordedEvent, type RolloutState, recordEvent } from '@theseus/core/rollout';
import type { Rules } from '../rules.ts';

export interface Job {
  readonly key: string;
  /** The effect to carry out; null for the run's timer. */
  readonly effectId: string | null;
  readonly runAt: number;
}

/** The run's row: what a transaction locks, reads and replaces. */
export interface Row {
  readonly state: RolloutState;
  readonly lastHash: string;
  readonly lastAt: number;
}

/** What a transaction has written so far. Dropping it is a rollback. */
export interface Staged {
  readonly events: readonly RecordedEvent[];
  readonly row: Row;
  readonly jobs: readonly Job[];
  readonly command: { readonly id: string; readonly revisions: readonly [number, number] } | null;
}

interface LockedJob {
  readonly job: Job;
  lockedBy: string | null;
}

/** What outlives every process: one run's log, state, jobs, commands, begun effects, watches and lease. */
export class ModelDatabase {
  readonly log: RecordedEvent[] = [];
  readonly jobs = new Map<string, LockedJob>();
  readonly commands = new Map<string, readonly [number, number]>();
  readonly begun = new Set<string>();
  readonly watches = new Map<string, Watch>();
  /** `until` is infinite while its holder lives and renews it. */
  lease: { readonly holder: string | null; readonly until: number; readonly epoch: number } = {
    holder: null,
    until: 0,
    epoch: 0,
  };
  #row: Row | null = null;

  get row(): Row {
    if (this.#row === null) throw new Error('the run has not been stored yet');
    return this.#row;
  }

  get isEmpty(): boolean {
    return this.#row === null;
  }

  /** Numbers and links events, without storing them. */
  link(runId: string, events: readonly RecordedEvent['event'][]): readonly RecordedEvent[] {
    let seq = this.log.length;
    let hash = this.#row?.lastHash ?? genesisHash(runId);
    return events.map((event) => {
      seq += 1;
      const recorded = recordEvent(runId, seq, hash, event);
      hash = recorded.hash;
      return recorded;
    });
  }

  commit(staged: Staged): void {
    this.log.push(...staged.events);
    this.#row = staged.row;
    if (staged.command !== null) this.commands.set(staged.command.id, staged.command.revisions);
    this.addJobs(staged.jobs);
  }

  /** A job of the same key is replaced unless a worker has it already. */
  addJobs(jobs: readonly Job[]): void {
    for (const job of jobs) this.jobs.set(job.key, { job, lockedBy: null });
  }
}

/** What the decided events ask for; once a run goes on, also what came up during its pause and was left alone. */
export function jobsOf(
  rules: Rules,
  events: readonly RecordedEvent[],
  state: RolloutState,
  at: { readonly now: number; readonly trueNow: number; readonly begun: ReadonlySet<string> },
): readonly Job[] {
  const requested = events.flatMap(({ event }) => (event.type === 'effect.requested' ? [event.effect.id] : []));
  const goesOn = state.status === 'running' && events.some(({ event }) => event.type === 'run.resumed');
  const postponed = goesOn ? Object.keys(state.effects).filter((id) => !at.begun.has(id)) : [];
  const effects = [...new Set([...requested, ...postponed])].map((id) => ({
    key: id,
    effectId: id,
    runAt: at.trueNow,
  }));
  const wakeAt = rules.nextWakeAt(state, at.now);
  return wakeAt === null ? effects : [...effects, { key: 'timer', effectId: null, runAt: wakeAt }];
}

/** Whether the run needs a driver: a rollback after its end included. */
export function isActive(state: RolloutState): boolean {
  return (
    state.status !== 'finished' ||
    Object.keys(state.effects).length > 0 ||
    state.rollbacks.some(({ status }) => status === 'running') ||
    Object.values(state.flags).some(({ confirmed }) => !confirmed)
  );
}
