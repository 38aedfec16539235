import type { Baseline } from '../health/index.ts';
import type { BaselineShapeWanted, Capture, Probe } from '../plan/index.ts';

/** Something to be done outside the engine. Plain JSON: it is stored with the event that asks for it. */
export type EffectRequest =
  | { readonly kind: 'probe'; readonly probe: Probe }
  | {
      readonly kind: 'command';
      /** Captured artefacts are already filled in. */
      readonly argv: readonly string[];
      readonly repeatable: boolean;
      readonly captures: readonly Capture[];
    }
  | { readonly kind: 'message'; readonly channel: string; readonly text: string }
  | {
      readonly kind: 'baseline';
      readonly overMs: number;
      readonly flags: readonly string[];
      /** `none` where the plan wants no hours of the week; where absent they are learnt if the history holds them. */
      readonly shape?: BaselineShapeWanted;
    };

/** Whose work the effect is, so that its result finds its way back. */
export type EffectPurpose =
  | { readonly kind: 'step'; readonly stepId: string }
  | { readonly kind: 'undo'; readonly rollbackId: string; readonly stepId: string }
  | { readonly kind: 'verify'; readonly rollbackId: string }
  /** What the plan does after a rollback was verified. */
  | { readonly kind: 'after'; readonly rollbackId: string }
  /** Tells people that a rollback failed or takes too long. */
  | { readonly kind: 'escalate'; readonly rollbackId: string }
  /** Ends the change freeze that a step began. */
  | { readonly kind: 'lift'; readonly stepId: string }
  | { readonly kind: 'contingency'; readonly name: string };

/** A requested effect. The id is unique in the run and serves as idempotency key. */
export interface Effect {
  readonly id: string;
  readonly request: EffectRequest;
  readonly purpose: EffectPurpose;
  readonly requestedAt: number;
  readonly timeoutMs: number | null;
}

/**
 * `unknown`: it was begun and cut off, and repeating it is not safe, so nobody knows whether it happened.
 */
export interface EffectResult {
  readonly outcome: 'succeeded' | 'failed' | 'unknown';
  /** One line for people: what came back, or why it failed. */
  readonly summary: string;
  readonly durationMs: number;
  readonly captures?: Readonly<Record<string, string>>;
  /** By flag; `*` holds the signals that belong to no flag. */
  readonly baselines?: Readonly<Record<string, Baseline>>;
}
