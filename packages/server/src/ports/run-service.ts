import type { Plan } from '@theseus/core/plan';
import type { Actor, PlanEdit, RecordedEvent, RunView, Verb } from '@theseus/core/rollout';

export interface StartRun {
  readonly plan: Plan;
  readonly planHash: string;
  readonly actor: Actor;
  readonly reason: string;
}

export interface RunCommand {
  readonly runId: string;
  readonly verb: Verb;
  readonly actor: Actor;
  readonly reason: string;
  readonly expectedRevision?: number;
  /** Repeating a command under the same id answers as the first time did and does nothing. */
  readonly commandId?: string;
}

export type EditVerb = Extract<Verb, { readonly verb: 'edit' }>;

export interface CommandOutcome {
  readonly run: RunView;
  readonly events: readonly RecordedEvent[];
}

/** The one write path to runs. Refusals are TheseusErrors: `invalid-state`, `stale-revision`, `forbidden`, `not-found`, `conflict`. */
export interface RunService {
  start(request: StartRun): Promise<RunView>;
  command(command: RunCommand): Promise<CommandOutcome>;
  /** What an edit of the plan would change, and why it may not be made, if it may not. Changes nothing. */
  previewEdit(runId: string, plan: Plan): Promise<PlanEdit>;
  /** The same, and refuses what a command to edit would be refused for but the plan itself. */
  rehearseEdit(command: RunCommand & { readonly verb: EditVerb }): Promise<PlanEdit>;
  /** `latest` stands for the run that was started last. */
  view(runId: string): Promise<RunView>;
  list(limit: number): Promise<readonly RunView[]>;
  events(runId: string, after: number, limit: number): Promise<readonly RecordedEvent[]>;
  /**
   * The unfinished runs that read a reported signal of this name, of one environment where it is given. With a run named, that run or a `not-found` which lists
   * what it has.
   */
  readersOf(
    signal: string,
    of: { readonly runId?: string; readonly flag?: string; readonly environment?: string },
  ): Promise<readonly string[]>;
  /** Calls back when the run has new events or its health moved. Returns the unsubscribe function. */
  onChange(runId: string, listener: () => void): () => void;
}
