import type { Arm } from '@theseus/core/flag';

/** What a service answers to one request for a user: the same contract on both arms. */
export type Answer = Readonly<Record<string, unknown>>;

/** The work of one service on one arm. Holds whatever the service keeps between requests, always bounded. */
export interface ServiceBehaviour {
  /** `after` is the stage that a workflow has reached; empty before the first, and for services that have none. */
  answer(user: string, after: string): Answer;
  /** What a backup saves; only services that keep something worth saving have it. */
  readonly state?: ServiceState;
}

export interface ServiceState {
  save(): unknown;
  /** False when the value is not a state this service can read; nothing is changed then. */
  restore(value: unknown): boolean;
}

/** Builds the behaviour of one arm. */
export type ServiceFactory = (arm: Arm) => ServiceBehaviour;
