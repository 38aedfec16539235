import type { AttributeCondition, FlagVariant, MigrationStage, ReadPreference } from '../flag/index.ts';
import type { Gate, MetricDirection, MetricMeasure, SignalUnit } from '../health/index.ts';
import type { TimeWindow } from '../time/index.ts';

/** A checked plan: every name resolves, every duration is milliseconds, every percentage parts of 100 000. Plain JSON. */
export interface Plan {
  readonly kind: 'plan';
  /** Identifies the plan over all its versions; kebab-case. */
  readonly name: string;
  readonly title: string;
  /** Where it runs: flags, telemetry and runs of two environments never meet; kebab-case. */
  readonly environment: string;
  /** The environment in which a run of the same content must have succeeded first; null where none must. */
  readonly after: string | null;
  /** Identifies what was written (`sha256:<hex>`), the same for every environment and whatever its variables are. */
  readonly contentHash: string;
  /** The attribute that is bucketed. */
  readonly cohort: string;
  readonly salt: string;
  /** By how much all durations were divided; 1 is real time. */
  readonly timeCompression: number;
  /** T, which `T-30m` counts from: epoch milliseconds; null where the plan names none. */
  readonly launchAt: number | null;
  /** What traffic is expected; absent where the plan does not say. */
  readonly traffic?: ExpectedTraffic;
  readonly signals: Readonly<Record<string, Signal>>;
  readonly gates: Readonly<Record<string, Gate>>;
  readonly risks: Readonly<Record<string, Risk>>;
  readonly segments: Readonly<Record<string, Segment>>;
  readonly flags: Readonly<Record<string, PlanFlag>>;
  readonly people: Readonly<Record<string, Person>>;
  readonly channels: Readonly<Record<string, Channel>>;
  readonly messages: Readonly<Record<string, string>>;
  readonly contingencies: Readonly<Record<string, Contingency>>;
  readonly rollback: RollbackPolicy;
  /** In the order of the file; `needs` is always filled in. */
  readonly phases: readonly Phase[];
}

/** By how much traffic a plan expects to be judged. */
export interface ExpectedTraffic {
  /** People whom a flag at 100 % reaches. */
  readonly users: number;
  /** Requests that each of them makes in a minute. */
  readonly requestsPerUserMinute: number;
}

export type { SignalUnit } from '../health/index.ts';

export type TelemetryMetric =
  /** Of a migration: what share of the compared reads got the same answer from both sides. */
  'agreement-rate' | 'error-rate' | 'latency-p50' | 'latency-p95' | 'latency-p99' | 'request-rate' | 'success-rate';

export type SignalSource =
  | { readonly kind: 'telemetry'; readonly metric: TelemetryMetric }
  | { readonly kind: 'http'; readonly url: string /** JSON pointer (RFC 6901). */; readonly pointer: string }
  | { readonly kind: 'command'; readonly argv: readonly string[] }
  | { readonly kind: 'reported' }
  | PrometheusSource
  | SqlSource
  | GoalSource
  | {
      readonly kind: 'alert';
      /** Alertmanager's `alertname`. */
      readonly alert: string;
      readonly labels: Readonly<Record<string, string>>;
    };

/** PromQL. `${{ flag }}` and `${{ environment }}` are filled in where it is asked. */
export interface PrometheusSource {
  readonly kind: 'prometheus';
  readonly query: string;
  readonly legacy: string | null;
  readonly sample: string | null;
  /** The address of the Prometheus; null for the one that the server knows. */
  readonly url: string | null;
  /** What an answer is multiplied by to get the signal's unit. */
  readonly scale: number;
}

/** One SELECT. `${{ flag }}` and `${{ environment }}` are bound to it as parameters. */
export interface SqlSource {
  readonly kind: 'sql';
  readonly query: string;
  readonly database: string;
  readonly scale: number;
}

/** What users reach, as programs track it, for each variant of the flags that measure it. */
export interface GoalSource {
  readonly kind: 'goal';
  readonly goal: string;
  readonly measure: MetricMeasure;
  readonly better: MetricDirection;
}

export interface Signal {
  readonly name: string;
  readonly source: SignalSource;
  readonly unit: SignalUnit;
  /** How much of the past one reading of telemetry covers. */
  readonly overMs: number;
  /** A value older than this is stale. */
  readonly freshForMs: number;
}

export interface Risk {
  readonly name: string;
  /** Exposures in growing order, parts of 100 000. */
  readonly through: readonly number[];
  /** The healthy time at each exposure. */
  readonly soaksMs: readonly number[];
  readonly approve: RiskApproval | null;
}

/** Raising the exposure to `fromExposure` or beyond asks for these approvals each time. */
export interface RiskApproval {
  readonly fromExposure: number;
  readonly by: readonly Approver[];
}

/** So many different people who hold the role. An empty list of approvers is one operator. */
export interface Approver {
  readonly role: string;
  readonly count: number;
}

export interface Person {
  readonly name: string;
  readonly roles: readonly string[];
}

export interface Segment {
  readonly key: string;
  readonly conditions: readonly AttributeCondition[];
}

/** An exact cohort: so many people of a list, by their place in the queue for the candidate. */
export interface FlagCohort {
  readonly count: number;
  /** The segment they are picked from; null where anybody may be picked. */
  readonly of: string | null;
}

export interface PlanFlag {
  readonly key: string;
  readonly risk: string | null;
  readonly requires: readonly string[];
  /** Whether the SDK may answer from legacy when the candidate throws. */
  readonly fallback: boolean;
  /** Subjects let in or kept out, one by one. */
  readonly overrides: { readonly candidate: readonly string[]; readonly legacy: readonly string[] };
  /** Members of a segment see this exposure as soon as the flag's ramp begins. */
  readonly rules: readonly { readonly segment: string; readonly exposure: number }[];
  /** People who are picked once, exactly so many, and let in as named ones are; absent where nobody is. */
  readonly cohort?: FlagCohort;
  /** The segment that its ramp is about; all others stay on legacy. Absent where it is about everybody. */
  readonly only?: string;
  /** Segments by which it is judged besides the whole; absent where there are none. */
  readonly strata?: readonly string[];
  /** The attribute it is bucketed by instead of the plan's cohort; `call` for each call by itself. */
  readonly by?: string;
  /** How its candidate is divided; absent where it is one. */
  readonly variants?: readonly FlagVariant[];
  /** The goal signals that are measured of its users; absent where there are none. */
  readonly metrics?: readonly string[];
  /** Present where it moves data from one store or service to another: stage by stage, instead of by one ramp. */
  readonly migration?: PlanMigration;
}

/** How `migration()` treats a flag, whatever its stage. */
export interface PlanMigration {
  /** Absent: the side that is authoritative at the stage. */
  readonly read?: ReadPreference;
  /** How many reads are compared, parts of 100 000. */
  readonly compared: number;
  readonly deadlineMs?: number;
  /** The share of failed candidate calls above which its breaker opens, parts of 100 000. */
  readonly breakAbove?: number;
}

/** What a step of stages does: it brings everybody from one stage to the next, as a ramp brings them to the candidate. */
export interface StageMove {
  readonly from: MigrationStage;
  readonly to: MigrationStage;
}

export type Channel =
  | { readonly kind: 'webhook'; readonly name: string; readonly url: string }
  | { readonly kind: 'console'; readonly name: string };

/** What is done when a condition comes true, or when a person says that it has. */
export interface Contingency {
  readonly name: string;
  readonly title: string;
  /** Judges the condition, its only rule; null where only a person can tell. */
  readonly gate: Gate | null;
  /** Whose traffic is judged; null for signals that belong to no flag. */
  readonly flag: string | null;
  /** In order; a failure stops the rest. */
  readonly actions: readonly ContingencyAction[];
  /** After this time it may act again; null is once only. */
  readonly cooldownMs: number | null;
}

export type ContingencyAction = { readonly kind: 'rollback'; readonly flag: string } | FollowUp;

/** A command to run, or a message to send. */
export type FollowUp =
  | { readonly kind: 'run'; readonly command: Command }
  | { readonly kind: 'notify'; readonly channel: string; readonly message: string };

/** What a rollback does beyond taking back. */
export interface RollbackPolicy {
  /** After a rollback of a phase, of the plan or to a point was verified, in order; a failure stops the rest. */
  readonly afterwards: readonly FollowUp[];
  /** Who is told when a rollback fails or takes longer than its budget. */
  readonly escalate: { readonly channel: string; readonly message: string } | null;
}

export interface Phase {
  readonly name: string;
  readonly title: string;
  /** Phases that must be completed first. */
  readonly needs: readonly string[];
  readonly steps: readonly Step[];
}

/** What every step may carry. */
export interface StepCommon {
  /** Unique in the plan: `phase/step`. */
  readonly id: string;
  readonly title: string;
  readonly needs: readonly string[];
  /** When it may move; at any time where there are none. */
  readonly windows: readonly TimeWindow[];
  /** It does not begin earlier; epoch milliseconds. */
  readonly notBefore: number | null;
  /** How long it is expected to take. */
  readonly takesMs: number | null;
  readonly timeoutMs: number | null;
  readonly budgetMs: number | null;
  readonly undo: Undo | null;
  readonly irreversible: boolean;
  readonly mitigation: string | null;
}

/** An argument list, never a shell line. `${{ name }}` inside an argument is a captured artefact. */
export interface Command {
  readonly argv: readonly string[];
  /** Whether it may simply be run again when nobody knows if it ran. */
  readonly repeatable: boolean;
}

/** How a step is taken back. */
export interface Undo {
  /** Tried in order until one succeeds. */
  readonly alternatives: readonly Command[];
  /** How often each is tried. */
  readonly attempts: number;
  /** Asked first: only where the answer is as expected is there anything to take back. */
  readonly onlyIf: Probe | null;
  /** Declared safe to run before anything went wrong. */
  readonly rehearsable: boolean;
}

export interface HttpProbe {
  readonly kind: 'http';
  readonly url: string;
  readonly method: string;
  readonly expect: { readonly status: number; readonly withinMs: number; readonly contains: string | null };
}

export interface CommandProbe {
  readonly kind: 'command';
  readonly command: Command;
  readonly expect: { readonly exitCode: number; readonly contains: string | null };
}

export type Probe = HttpProbe | CommandProbe;

/** An artefact taken from a command's output: the first group of the pattern. */
export interface Capture {
  readonly name: string;
  readonly pattern: string;
}

/** Whether a baseline is to know what is usual at each hour of the week; it does where the history allows it, unless `none` is written. */
export type BaselineShapeWanted = 'hour-of-week' | 'none';

export type Step =
  | (StepCommon & { readonly kind: 'check'; readonly probe: Probe })
  | (StepCommon & { readonly kind: 'run'; readonly command: Command; readonly captures: readonly Capture[] })
  | (StepCommon & {
      readonly kind: 'backup';
      readonly name: string;
      readonly command: Command;
      readonly captures: readonly Capture[];
      /** Restores the backup into a scratch place and exits 0 when it is whole. */
      readonly verify: Command | null;
    })
  | (StepCommon & { readonly kind: 'baseline'; readonly overMs: number; readonly shape?: BaselineShapeWanted })
  | (StepCommon & {
      readonly kind: 'ramp';
      readonly flag: string;
      readonly gate: string;
      /** Exposures in growing order; 0 lets in only those who are named, by list or by segment. */
      readonly through: readonly number[];
      /** The healthy time at each exposure. */
      readonly soaksMs: readonly number[];
      /** Whether each opening of its windows brings one exposure at most. */
      readonly oncePerWindow: boolean;
      readonly approve: RiskApproval | null;
      /** Probes that must pass after a rollback of this flag before it counts as verified. */
      readonly verify: readonly Probe[];
      /** Present where it moves a migration to its next stage. */
      readonly move?: StageMove;
    })
  | (StepCommon & { readonly kind: 'approve'; readonly by: readonly Approver[]; readonly question: string })
  | (StepCommon & { readonly kind: 'wait'; readonly until: WaitUntil })
  | (StepCommon & {
      readonly kind: 'watch';
      readonly gate: string;
      readonly forMs: number;
      readonly flags: readonly string[];
    })
  | (StepCommon & { readonly kind: 'notify'; readonly channel: string; readonly message: string })
  /** Really runs what a rollback would, as far as it is declared safe. */
  | (StepCommon & { readonly kind: 'rehearse'; readonly scope: 'flag' | 'phase' | 'plan'; readonly target: string })
  /** A moment that a rollback can go back to. */
  | (StepCommon & { readonly kind: 'point'; readonly name: string })
  /** From here on a failure of the flag's candidate is the caller's: legacy no longer answers for it. */
  | (StepCommon & { readonly kind: 'fallback-off'; readonly flag: string })
  /** Leaves a flag on the candidate for good, so that it can go from the source. */
  | (StepCommon & {
      readonly kind: 'retire';
      readonly flag: string;
      /** How long it must have been at 100 %; a migration, complete. */
      readonly afterMs: number;
      /** The one that stays, of a flag with variants. */
      readonly variant?: string;
      /** Who must agree; null where nobody is asked. */
      readonly approve: readonly Approver[] | null;
    })
  /** A change freeze: `lift` always runs when the run ends, however it ends. */
  | (StepCommon & { readonly kind: 'freeze'; readonly command: Command; readonly lift: Command });

export type WaitUntil =
  | { readonly kind: 'duration'; readonly durationMs: number }
  | { readonly kind: 'instant' /** Epoch milliseconds. */; readonly at: number };

export type StepKind = Step['kind'];
