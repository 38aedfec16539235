import type { Plan } from '@theseus/core/plan';
import type { Effect, EffectResult } from '@theseus/core/rollout';

export interface EffectContext {
  readonly runId: string;
  readonly plan: Plan;
  /** The same for every attempt at this effect. */
  readonly idempotencyKey: string;
  /** Aborted when the server stops or the effect's time is over. */
  readonly signal: AbortSignal;
}

/** Carries out one kind of effect. Expected failures are results; a rejection counts as a failure with its text. */
export interface EffectRunner {
  run(effect: Effect, context: EffectContext): Promise<EffectResult>;
}
