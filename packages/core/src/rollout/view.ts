import type { MigrationStage } from '../flag/index.ts';
import type {
  BaselineSample,
  Explanation,
  MetricComparison,
  PastComparison,
  RuleResult,
  SignalUnit,
  Usual,
  Verdict,
} from '../health/index.ts';
import type { StageMove, StepKind } from '../plan/index.ts';
import type {
  ContingencyState,
  FlagStatus,
  FreezeState,
  Outcome,
  PauseScope,
  PhaseStatus,
  RollbackPart,
  RunStatus,
  StepStatus,
} from './state.ts';

/** A run as people look at it: what CLI, API and dashboard show. Plain JSON; all moments are epoch milliseconds. */
export interface RunView {
  readonly runId: string;
  readonly plan: string;
  readonly title: string;
  /** Where it runs: `default` unless the plan names one. */
  readonly environment: string;
  readonly planHash: string;
  readonly revision: number;
  readonly status: RunStatus;
  readonly outcome: Outcome | null;
  readonly startedAt: number;
  readonly endedAt: number | null;
  /** 1 is real time. */
  readonly timeCompression: number;
  /** Who or what pauses it; empty while nothing does. */
  readonly pausedBy: readonly PauseScope[];
  readonly now: number;
  readonly phases: readonly PhaseView[];
  readonly flags: readonly FlagView[];
  /** What was usual before anything moved; empty until a baseline is recorded. */
  readonly baselines: readonly BaselineView[];
  readonly rollbacks: readonly RollbackView[];
  readonly contingencies: readonly ContingencyView[];
  readonly freezes: readonly FreezeView[];
  /** One entry for each thing the run waits for; empty when it is finished. */
  readonly waits: readonly WaitView[];
}

export interface PhaseView {
  readonly name: string;
  readonly title: string;
  readonly status: PhaseStatus;
  readonly needs: readonly string[];
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly steps: readonly StepView[];
}

export interface StepView {
  readonly id: string;
  readonly title: string;
  /** `stage` where a ramp moves a migration. */
  readonly kind: StepKind | 'stage';
  readonly status: StepStatus;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** When it was expected to begin and end; null where nobody said and nothing was simulated. */
  readonly planned: { readonly startAt: number; readonly endAt: number | null } | null;
  readonly timeliness: Timeliness | null;
  /** What makes this moment less dangerous, in the words of the plan. */
  readonly mitigation: string | null;
  readonly hold: { readonly reason: string; readonly text: string; readonly since: number } | null;
  readonly approval: ApprovalView | null;
  readonly ramp: RampView | null;
  /** One for each watched flag. */
  readonly health: readonly HealthView[];
}

/** Against what was planned: `late` has not begun though it should have, `overdue` has not ended though it should have. */
export type Timeliness = 'early' | 'on-time' | 'late' | 'overdue';

export interface ContingencyView extends ContingencyState {
  readonly name: string;
  readonly title: string;
}

export interface FreezeView extends FreezeState {
  readonly stepId: string;
}

export interface RampView {
  readonly flag: string;
  /** Exposures in percent, growing. */
  readonly throughPercent: readonly number[];
  readonly exposurePercent: number;
  readonly stage: number;
  /** Present where it moves a migration to its next stage. */
  readonly move?: StageMove;
}

export interface ApprovalView {
  readonly id: string;
  readonly question: string;
  /** Who has agreed so far. */
  readonly given: readonly string[];
  /** Who is still needed, for people: `tech-lead and 1 of release`. */
  readonly missing: string;
  readonly requestedAt: number;
}

export interface HealthView {
  readonly flag: string | null;
  readonly gate: string;
  readonly verdict: Verdict | null;
  readonly at: number | null;
  readonly soakedMs: number;
  readonly soakMs: number;
  readonly rules: readonly RuleResult[];
  /** Why it is judged so, in words and numbers. */
  readonly explanation: Explanation;
}

export interface FlagView {
  readonly key: string;
  readonly status: FlagStatus;
  readonly exposurePercent: number;
  /** Whether every live SDK instance is known to serve this exposure. */
  readonly confirmed: boolean;
  readonly requires: readonly string[];
  /** Present where it is a migration. */
  readonly migration?: {
    /** Where everybody is who is not exposed. */
    readonly stage: MigrationStage;
    /** Where those are who are; null while nobody moves. */
    readonly next: MigrationStage | null;
  };
  /** What its users have reached by variant; absent where it measures nothing. */
  readonly metrics?: readonly MetricComparison[];
  /** The same of its earlier exposures in this run, the oldest first. */
  readonly pastMetrics?: readonly PastComparison[];
}

/** Parts that are null were not kept by the version that recorded it. */
export interface BaselineView {
  /** Null for what belongs to no flag. */
  readonly flag: string | null;
  readonly signal: string;
  /** Over the whole time, in the unit. */
  readonly value: number;
  readonly unit: SignalUnit | null;
  readonly over: { readonly from: number; readonly to: number } | null;
  readonly sample: BaselineSample | null;
  readonly source: string | null;
  readonly query: string | null;
  /** Of how many hours of the week something is known by their own history; null where no shape was learnt. */
  readonly shape: { readonly covered: number; readonly of: number; readonly weeks: number } | null;
  /** Why there is no shape though the history was to have one. */
  readonly noShape: string | null;
  /** What conditions compare with now. */
  readonly usual: Usual;
}

export interface RollbackView {
  readonly id: string;
  readonly scope: string;
  readonly target: string;
  readonly reason: string;
  readonly status: 'running' | 'completed' | 'failed';
  readonly outcome: 'restored' | 'partial' | 'failed' | null;
  /** Parts that have ended, each with its time against its budget. */
  readonly parts: readonly RollbackPart[];
  readonly flags: readonly string[];
  readonly initiatedAt: number;
  readonly durationMs: number | null;
  readonly budgetMs: number;
  readonly withinBudget: boolean | null;
  readonly verification: readonly string[];
  readonly failure: string | null;
}

/** What the run waits for, in one sentence, and who or what can end it. */
export interface WaitView {
  readonly stepId: string | null;
  readonly text: string;
  /** `health`, `time`, `person`, `worker`, `instances`. */
  readonly on: 'health' | 'time' | 'person' | 'worker' | 'instances';
  /** When it ends by itself at the earliest; null when that is not known. */
  readonly until: number | null;
  /** Who or what can end it, for people. */
  readonly endedBy: string;
  /** The command that ends it, to copy; null when none does. */
  readonly command: string | null;
}
