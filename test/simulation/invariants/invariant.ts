import type { RolloutEvent, RolloutState } from '@theseus/core/rollout';
import type { Commit } from '../model/model-engine.ts';
import type { World } from '../model/world.ts';
import type { History } from './history.ts';

/** One event in the moment in which it became true, with the state before and after it. */
export interface Moment {
  readonly world: World;
  readonly history: History;
  readonly commit: Commit;
  readonly event: RolloutEvent;
  readonly before: RolloutState;
  readonly after: RolloutState;
}

/** A transaction as a whole. */
export type Stored = Omit<Moment, 'event'>;

/** Says what is wrong, or null. */
export type EventCheck = (moment: Moment) => string | null;

export type CommitCheck = (stored: Stored) => string | null;
