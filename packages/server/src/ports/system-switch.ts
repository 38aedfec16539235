import type { Actor } from '@theseus/core/rollout';

export interface SystemState {
  readonly paused: boolean;
  /** Since when (epoch milliseconds), by whom and why. */
  readonly pause: { readonly at: number; readonly by: string; readonly reason: string } | null;
  /** The runs it concerns: those that have not ended. */
  readonly runs: readonly string[];
}

/** Pauses and resumes every run at once; while paused, nothing ramps, runs or sends, and rollback works. */
export interface SystemSwitchService {
  pause(actor: Actor, reason: string): Promise<SystemState>;
  resume(actor: Actor, reason: string): Promise<SystemState>;
  state(): Promise<SystemState>;
}
