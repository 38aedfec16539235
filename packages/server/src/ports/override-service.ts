import type { Arm } from '@theseus/core/flag';
import type { Actor } from '@theseus/core/rollout';
import type { CommandOutcome } from './run-service.ts';

/** One flag of one environment. */
export interface FlagAddress {
  readonly flag: string;
  readonly environment: string;
}

export interface OverrideRequest extends FlagAddress {
  readonly subjects: readonly string[];
  /** Null leaves them to the plan again. */
  readonly to: Arm | null;
  /** They are the flag's exact cohort, which is frozen by that. */
  readonly asCohort: boolean;
  readonly actor: Actor;
  readonly reason: string;
  /** Repeating a request under the same id answers as the first time did and does nothing. */
  readonly commandId?: string;
}

/** What a person decided about one subject; who, why and when are null where it was in an earlier run. */
export interface SubjectOverride {
  readonly subject: string;
  readonly arm: Arm;
  readonly by: string | null;
  readonly reason: string | null;
  /** Epoch milliseconds. */
  readonly at: number | null;
}

export interface OverrideList {
  readonly runId: string;
  /** The newest decision last; those of earlier runs first. */
  readonly overrides: readonly SubjectOverride[];
}

/** Subjects let in and kept out one by one, whichever run has the flag: a command to that run like any other. */
export interface OverrideService {
  change(request: OverrideRequest): Promise<CommandOutcome>;
  list(address: FlagAddress): Promise<OverrideList>;
}
