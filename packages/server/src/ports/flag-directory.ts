import type { FlagDefinition, FlagHistory, LifecycleState } from '@theseus/core/flag';
import type { Outcome, RunStatus } from '@theseus/core/rollout';

/** A flag of one environment with its past, its run, and who serves it. Moments are epoch milliseconds. */
export interface FlagOverview {
  readonly key: string;
  readonly environment: string;
  /** The version of the environment at which the flag last changed. */
  readonly version: number;
  readonly definition: FlagDefinition;
  readonly lifecycle: LifecycleState;
  readonly history: FlagHistory;
  /** Since when it has been at 100 %; null while it is not there. */
  readonly fullSince: number | null;
  /** The run that owns it. */
  readonly run: {
    readonly runId: string;
    readonly plan: string;
    readonly status: RunStatus;
    readonly outcome: Outcome | null;
  };
  /** Whether the newest run of that plan still has the flag. */
  readonly isPlanned: boolean;
  /** Flags of the environment that require it, directly. */
  readonly requiredBy: readonly string[];
  /** Live SDK instances of the environment, and how many of them serve the flag as it stands. */
  readonly instances: { readonly live: number; readonly serving: number };
}

/** All flags as people look at them. */
export interface FlagDirectory {
  /** Of one environment, or of all; by environment and key. */
  overview(of?: { readonly environment?: string }): Promise<readonly FlagOverview[]>;
}
