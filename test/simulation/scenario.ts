import type { PlanSource } from '@theseus/core/plan';

/** Where in the engine's work a fault may strike. Each is crossed many times; a fault names the time it is meant for. */
export const BOUNDARIES = [
  'transaction-begun',
  'decided',
  'events-appended',
  'jobs-enqueued',
  'committed',
  'effect-taken',
  'effect-begun',
  'effect-done',
  'effect-reported',
  'look-read',
  'look-judged',
  'watch-saved',
  'lease-held',
] as const;

export type Boundary = (typeof BOUNDARIES)[number];

/** What a source does instead of reading healthy values. */
export type MoodKind = 'bad' | 'silent' | 'error' | 'not-a-number' | 'stale' | 'flapping' | 'few' | 'everywhere';

/** Times are milliseconds since the start of the run. */
export interface Mood {
  readonly signal: string;
  readonly from: number;
  readonly to: number;
  readonly kind: MoodKind;
}

export type BoundaryFault = 'crash' | 'pause' | 'database-error';

export type EffectFault = 'fails' | 'slow' | 'twice' | 'reported-twice';

export type EffectOf = 'step' | 'rollback';

export type Fault =
  | {
      readonly kind: 'at-boundary';
      readonly boundary: Boundary;
      readonly occurrence: number;
      readonly what: BoundaryFault;
      readonly forMs: number;
    }
  /** Of a step's own effects, or of those that a rollback asks for. */
  | {
      readonly kind: 'effect';
      readonly of: EffectOf;
      readonly occurrence: number;
      readonly what: EffectFault;
    }
  | { readonly kind: 'clock-jump'; readonly server: number; readonly at: number; readonly byMs: number }
  | { readonly kind: 'everything-down'; readonly at: number; readonly forMs: number }
  | { readonly kind: 'lease-lost'; readonly at: number }
  /** Notifications of the database do not reach the server. */
  | { readonly kind: 'deaf'; readonly server: number; readonly at: number; readonly forMs: number }
  | { readonly kind: 'silent-instance'; readonly instance: number; readonly at: number; readonly forMs: number }
  /** A confirmation of an older exposure comes late, or one comes twice. */
  | { readonly kind: 'stray-confirmation'; readonly at: number };

export type PlannedVerb =
  | 'pause'
  | 'resume'
  | 'approve'
  | 'reject'
  | 'promote'
  | 'retry'
  | 'rollback-flag'
  | 'rollback-phase'
  | 'rollback-plan'
  | 'rollback-point'
  | 'pause-system'
  | 'resume-system'
  | 'hold'
  | 'release'
  | 'skip'
  | 'promote-to-end'
  | 'retry-from'
  | 'trigger'
  | 'edit'
  | 'cancel'
  | 'abort';

/** What a person will do; which step or flag it meets is settled when the time has come. */
export interface PlannedCommand {
  readonly at: number;
  readonly person: string;
  readonly verb: PlannedVerb;
  /** Chooses among the steps, flags, phases, points, contingencies or edits. */
  readonly choice: number;
  readonly overMs: number;
  readonly aim: 'none' | 'current' | 'outdated';
  /** The same click is sent again, as browsers and networks do. */
  readonly isRepeated: boolean;
}

/** A whole run as data: whatever is taken out of it, what is left can be played. */
export interface Scenario {
  readonly seed: number;
  readonly source: PlanSource;
  /** Epoch milliseconds of the virtual start. */
  readonly startAt: number;
  readonly servers: number;
  readonly instances: number;
  /** After so long nothing goes wrong any more, and people help wherever they are asked. */
  readonly chaosMs: number;
  readonly moods: readonly Mood[];
  readonly faults: readonly Fault[];
  readonly commands: readonly PlannedCommand[];
}
