import type { MigrationStage } from '../flag/index.ts';
import type { Baseline, Evidence, RollbackScope } from '../health/index.ts';
import type { Approver, Plan } from '../plan/index.ts';
import type { Effect } from './effect.ts';

export type RunStatus = 'running' | 'paused' | 'finished';

/** Who or what paused: a person this run, or a person the whole system. A run goes on when neither does. */
export type PauseScope = 'run' | 'system';

/**
 * How a finished run ended. `partial`: the plan ran to its end, but not all of it was done or stayed on the candidate;
 * `aborted`: everybody was sent to legacy at once; `cancelled`: it was left as it stood.
 */
export type Outcome = 'succeeded' | 'partial' | 'rolled-back' | 'failed' | 'aborted' | 'cancelled';

export type PhaseStatus = 'pending' | 'running' | 'completed' | 'rolled-back' | 'skipped';

export type StepStatus = 'pending' | 'running' | 'completed' | 'skipped' | 'rolled-back';

/** Why a running step does not go on by itself. One catalogue for CLI, API and dashboard. */
export type HoldReason =
  | 'person'
  | 'gate'
  | 'destination'
  | 'no-evidence'
  | 'unrepaired'
  | 'blind'
  | 'check-failed'
  | 'command-failed'
  | 'outcome-unknown'
  | 'baseline-failed'
  | 'rehearsal-failed'
  | 'rejected'
  | 'timed-out';

/** What returning health ends by itself, and a person's hold may stand over. Other holds are for people to end. */
export const HOLDS_OF_HEALTH: readonly HoldReason[] = ['gate', 'destination', 'no-evidence', 'unrepaired', 'blind'];

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
  /** The stage that a person promoted it to: blindness does not take it back from there. */
  readonly promotedTo?: number;
  readonly approval: ApprovalState | null;
  /** Waits: when they end, epoch milliseconds. */
  readonly until: number | null;
  /** How long the run was paused in the step's windows since it began: time-outs do not count it. */
  readonly pausedMs: number;
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

export type FlagStatus = 'dark' | 'ramping' | 'complete' | 'retired' | 'rolling-back' | 'rolled-back';

/** Subjects of a flag about whom people decided one by one; nobody is in both. */
export interface FlagOverrides {
  readonly candidate: readonly string[];
  readonly legacy: readonly string[];
  /** The exact cohort of the flag has been picked, and is picked only once. */
  readonly isCohortFrozen?: true;
}

export interface FlagState {
  readonly key: string;
  readonly status: FlagStatus;
  /** Parts of 100 000. */
  readonly exposure: number;
  /** The revision of the event that set the exposure. */
  readonly changedAtRevision: number;
  readonly changedAt: number | null;
  readonly confirmed: boolean;
  /** Migrations: where everybody is who is not exposed to the next stage; `off` where absent. */
  readonly stage?: MigrationStage;
  /** Once it was complete, legacy missed writes: nobody is answered by it any more. */
  readonly hasLeftLegacy?: boolean;
  /** Of a retired flag with variants the one that stays. */
  readonly variant?: string;
  /** Whether a step has switched off what the plan says of the fallback. */
  readonly fallbackOff?: boolean;
  /** Over what the plan says, until people take it back: no edit and no rollback does. Absent where there never were any. */
  readonly overrides?: FlagOverrides;
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
  readonly outcome: 'restored' | 'partial' | 'failed' | null;
  readonly withinBudget: boolean | null;
  /** Told once when the budget is used up. */
  readonly overran: boolean;
  /** What it took back is being done again by now. */
  readonly superseded: boolean;
  /** Exposures when it began, to descend from. */
  readonly from: Readonly<Record<string, number>>;
  /** Parts that have ended, in order. */
  readonly parts: readonly RollbackPart[];
  /** How many tries of the part under way have ended. */
  readonly tried: number;
  /** How the last of them ended; null before the first. */
  readonly lastTry: { readonly succeeded: boolean; readonly text: string } | null;
  /** What was proven in the end; empty until it is completed. */
  readonly verification: readonly string[];
  /** What failed first, if anything did. */
  readonly failure: string | null;
  readonly evidence: Evidence | null;
}

/** One part of a rollback, with its time against its budget. */
export interface RollbackPart {
  readonly kind: 'exposure' | 'undo' | 'verify' | 'after';
  /** The step that was taken back, or what was done. */
  readonly name: string;
  /** `not-needed`: it was asked first, and there was nothing to take back. */
  readonly status: 'done' | 'not-needed' | 'failed';
  readonly durationMs: number;
  readonly budgetMs: number | null;
  readonly text: string;
}

export interface FreezeState {
  readonly status: 'on' | 'lifted' | 'failed';
  readonly attempts: number;
}

export interface ContingencyState {
  readonly status: 'armed' | 'acting' | 'done' | 'failed';
  readonly firedAt: number | null;
  /** How many of its actions are done since it fired. */
  readonly actionsDone: number;
}

/** When steps are expected to begin and to end, by step id, epoch milliseconds. */
export type Forecast = Readonly<Record<string, { readonly startAt: number; readonly endAt: number }>>;

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
  /** Since when it has been paused at all. */
  readonly pausedAt: number | null;
  readonly pausedBy: readonly PauseScope[];
  readonly forecast: Forecast;
  readonly phases: Readonly<Record<string, PhaseState>>;
  readonly steps: Readonly<Record<string, StepState>>;
  readonly flags: Readonly<Record<string, FlagState>>;
  /** Requested and not yet finished. */
  readonly effects: Readonly<Record<string, Effect>>;
  readonly captures: Readonly<Record<string, string>>;
  readonly baselines: Readonly<Record<string, Baseline>>;
  /** In the order they began. */
  readonly rollbacks: readonly RollbackState[];
  /** Change freezes, by the step that began them. */
  readonly freezes: Readonly<Record<string, FreezeState>>;
  readonly contingencies: Readonly<Record<string, ContingencyState>>;
}
