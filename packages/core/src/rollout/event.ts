import type { Arm, MigrationStage } from '../flag/index.ts';
import type { Evidence, RollbackScope } from '../health/index.ts';
import type { Approver, Plan } from '../plan/index.ts';
import type { Effect, EffectResult } from './effect.ts';
import type { FlagOverrides, Forecast, HoldReason, Outcome, PauseScope, PhaseStatus, RollbackPart } from './state.ts';

/** Who caused an event: a person through a token, or the engine itself. */
export interface Actor {
  readonly kind: 'person' | 'engine';
  readonly name: string;
}

export const ENGINE: Actor = { kind: 'engine', name: 'theseus' };

/** What happened. Facts only; each can be replayed into the state with nothing else known. */
export type EventBody =
  | {
      readonly type: 'run.started';
      readonly runId: string;
      readonly plan: Plan;
      readonly planHash: string;
      /** When each step was expected to begin and to end, by simulation. */
      readonly forecast?: Forecast;
      /** What people had decided about subjects in the runs that had the flags before. */
      readonly overrides?: Readonly<Record<string, FlagOverrides>>;
    }
  | { readonly type: 'run.paused'; readonly scope: PauseScope }
  /** One reason to be paused is gone; `pausedMs` is the whole pause once none is left, else 0. */
  | { readonly type: 'run.resumed'; readonly scope: PauseScope; readonly pausedMs: number }
  | { readonly type: 'run.finished'; readonly outcome: Outcome }
  /** Steps are to be done (again), though they or the whole run had ended. */
  | { readonly type: 'steps.reset'; readonly steps: readonly string[]; readonly phases: readonly string[] }
  | {
      readonly type: 'plan.edited';
      readonly plan: Plan;
      readonly planHash: string;
      /** Steps that the edit adds, changes or removes. */
      readonly touched: readonly string[];
      /** Steps whose approvals it voids. */
      readonly voided: readonly string[];
    }
  | { readonly type: 'phase.started'; readonly phase: string }
  | { readonly type: 'phase.finished'; readonly phase: string; readonly status: PhaseStatus }
  | { readonly type: 'step.started'; readonly stepId: string; readonly attempt: number; readonly until: number | null }
  | {
      readonly type: 'step.held';
      readonly stepId: string;
      readonly hold: HoldReason;
      readonly evidence: Evidence | null;
    }
  | { readonly type: 'step.released'; readonly stepId: string }
  | { readonly type: 'step.completed'; readonly stepId: string }
  | { readonly type: 'step.skipped'; readonly stepId: string }
  | { readonly type: 'step.rolled-back'; readonly stepId: string; readonly rollbackId: string }
  | {
      readonly type: 'step.warned';
      readonly stepId: string;
      /** The conditions that warn, joined by `; `. */
      readonly rules: string;
      readonly evidence: Evidence;
    }
  | { readonly type: 'watch.soaked'; readonly stepId: string; readonly watchId: string }
  | { readonly type: 'effect.requested'; readonly effect: Effect }
  | { readonly type: 'effect.finished'; readonly effectId: string; readonly result: EffectResult }
  | {
      readonly type: 'flag.exposure-changed';
      readonly flag: string;
      readonly from: number;
      readonly to: number;
      /** The stage of the ramp that was entered; null on the way down. */
      readonly stage: number | null;
    }
  /** Everybody who was not exposed to another stage is now at this one; nobody else's stage changes by it. */
  | {
      readonly type: 'flag.stage-changed';
      readonly flag: string;
      readonly from: MigrationStage;
      readonly to: MigrationStage;
    }
  /** Whether legacy answers when the candidate fails. Switched off by a step, on again by what takes it back. */
  | { readonly type: 'flag.fallback-changed'; readonly flag: string; readonly fallback: boolean }
  | {
      readonly type: 'flag.exposure-confirmed';
      readonly flag: string;
      readonly exposure: number;
      readonly instances: number;
      readonly silent: number;
      readonly tookMs: number;
    }
  /** It stays on the candidate for good: evaluators answer candidate to everybody, and count nothing of it. */
  | { readonly type: 'flag.retired'; readonly flag: string /** The one that stays. */; readonly variant?: string }
  /** A rollback takes that back, before it takes anything else of the flag back. */
  | { readonly type: 'flag.unretired'; readonly flag: string }
  | {
      readonly type: 'flag.overridden';
      readonly flag: string;
      /** Only those whom it changes. */
      readonly subjects: readonly string[];
      /** Null takes back what a person decided about them. */
      readonly to: Arm | null;
      /** They are the flag's exact cohort, which is frozen by that. */
      readonly asCohort?: true;
    }
  | {
      readonly type: 'approval.requested';
      readonly stepId: string;
      readonly approvalId: string;
      readonly question: string;
      readonly by: readonly Approver[];
    }
  | { readonly type: 'approval.given'; readonly stepId: string; readonly approvalId: string; readonly person: string }
  | {
      readonly type: 'approval.rejected';
      readonly stepId: string;
      readonly approvalId: string;
      readonly person: string;
    }
  | {
      readonly type: 'rollback.initiated';
      readonly rollbackId: string;
      readonly scope: RollbackScope;
      /** The flag, phase or plan it was asked for. */
      readonly target: string;
      /** Runs from the top to zero in equal steps within this time; 0 is at once. */
      readonly overMs: number;
      /** Dependents first. */
      readonly flags: readonly string[];
      /** Steps to take back, the last done first. */
      readonly steps: readonly string[];
      readonly budgetMs: number;
      readonly evidence: Evidence | null;
    }
  | { readonly type: 'rollback.part-ended'; readonly rollbackId: string; readonly part: RollbackPart }
  | { readonly type: 'rollback.overran'; readonly rollbackId: string; readonly budgetMs: number }
  | {
      readonly type: 'rollback.completed';
      readonly rollbackId: string;
      readonly durationMs: number;
      readonly withinBudget: boolean;
      readonly verification: readonly string[];
    }
  | {
      readonly type: 'rollback.failed';
      readonly rollbackId: string;
      readonly durationMs: number;
      /** `partial`: everybody is on legacy, but something was not taken back, or could not be proven. */
      readonly outcome: 'partial' | 'failed';
      /** What failed and what was done until then. */
      readonly standing: string;
    }
  | { readonly type: 'freeze.lifted'; readonly stepId: string; readonly lifted: boolean }
  | { readonly type: 'contingency.fired'; readonly name: string; readonly evidence: Evidence | null }
  /** One of its actions needed no effect, and is done. */
  | { readonly type: 'contingency.advanced'; readonly name: string }
  | { readonly type: 'contingency.ended'; readonly name: string; readonly outcome: 'done' | 'failed' };

export type EventType = EventBody['type'];

/** A fact with its moment (epoch milliseconds), actor and reason. */
export type RolloutEvent = EventBody & {
  readonly at: number;
  readonly actor: Actor;
  /** A sentence for people. */
  readonly reason: string;
};
