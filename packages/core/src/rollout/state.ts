import type { Baseline, Evidence, RollbackScope } from '../health/index.ts';
import type { Approver, Plan } from '../plan/index.ts';
import type { Effect } from './effect.ts';

export type RunStatus = 'running' | 'paused' | 'finished';

/** How a finished run ended. `partial`: the plan ran to its end, but some flags were taken back. */
export type Outcome = 'succeeded' | 'partial' | 'rolled-back' | 'failed' | 'aborted';

export type PhaseStatus = 'pending' | 'running' | 'completed' | 'rolled-back' | 'skipped';

export type StepStatus = 'pending' | 'running' | 'completed' | 'skipped' | 'rolled-back';

/** Why a running step does not go on by itself. One catalogue for CLI, API and dashboard. */
export type HoldReason =
  | 'gate'
  | 'no-evidence'
  | 'check-failed'
  | 'command-failed'
  | 'outcome-unknown'
  | 'baseline-failed'
  | 'rejected'
  | 'timed-out';

export interface Hold {
  readonly reason: HoldReason;
  readonly text: string;
  readonly since: number;
}

export interface ApprovalState {
  readonly id: string;
  readonly question: string;
  readonly by: readonly Approver[];
  readonly given: readonly { readonly person: string; readonly at: number }[];
  readonly requestedAt: number;
}

export interface StepState {
  readonly id: string;
  readonly status: StepStatus;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly attempt: number;
  readonly hold: Hold | null;
  /** Effects of this step that have ended well since it was started: a backup has two, the second verifies it. */
  readonly effectsDone: number;
  /** Ramps: the stage that is exposed; −1 before the first. */
  readonly stage: number;
  readonly stageSince: number | null;
  readonly approval: ApprovalState | null;
  /** Waits: when they end, epoch milliseconds. */
  readonly until: number | null;
  /** Watches that have been healthy for as long as the step asks. */
  readonly soaked: readonly string[];
  /** The warning that was last recorded, so that it is told once. */
  readonly warned: string | null;
}

export interface PhaseState {
  readonly name: string;
  readonly status: PhaseStatus;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
}

export type FlagStatus = 'dark' | 'ramping' | 'complete' | 'rolling-back' | 'rolled-back';

export interface FlagState {
  readonly key: string;
  readonly status: FlagStatus;
  /** Parts of 100 000. */
  readonly exposure: number;
  /** The revision of the event that set the exposure. */
  readonly changedAtRevision: number;
  readonly changedAt: number | null;
  readonly confirmed: boolean;
}

export interface RollbackState {
  readonly id: string;
  readonly scope: RollbackScope;
  readonly target: string;
  readonly reason: string;
  readonly overMs: number;
  readonly flags: readonly string[];
  readonly steps: readonly string[];
  readonly budgetMs: number;
  readonly initiatedAt: number;
  readonly endedAt: number | null;
  readonly status: 'running' | 'completed' | 'failed';
  readonly withinBudget: boolean | null;
  /** Exposures when it began, to descend from. */
  readonly from: Readonly<Record<string, number>>;
  readonly undone: readonly string[];
  readonly verified: readonly string[];
  /** What was proven in the end; empty until it is completed. */
  readonly verification: readonly string[];
  /** What failed first, if anything did. */
  readonly failure: string | null;
  readonly evidence: Evidence | null;
}

/** Everything that is decided about a run; a pure function of its events. */
export interface RolloutState {
  readonly runId: string;
  readonly plan: Plan;
  readonly planHash: string;
  /** The number of events so far: what a person's click was aimed at. */
  readonly revision: number;
  readonly status: RunStatus;
  readonly outcome: Outcome | null;
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly pausedAt: number | null;
  readonly phases: Readonly<Record<string, PhaseState>>;
  readonly steps: Readonly<Record<string, StepState>>;
  readonly flags: Readonly<Record<string, FlagState>>;
  /** Requested and not yet finished. */
  readonly effects: Readonly<Record<string, Effect>>;
  readonly captures: Readonly<Record<string, string>>;
  readonly baselines: Readonly<Record<string, Baseline>>;
  /** In the order they began. */
  readonly rollbacks: readonly RollbackState[];
}
