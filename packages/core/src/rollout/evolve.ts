import type { RolloutEvent } from './event.ts';
import { FLAG_EVOLUTIONS } from './evolve-flag.ts';
import { RUN_EVOLUTIONS } from './evolve-run.ts';
import { STEP_EVOLUTIONS } from './evolve-step.ts';
import { initialState } from './initial-state.ts';
import type { RolloutState } from './state.ts';
import type { Evolutions } from './state-changes.ts';

const EVOLUTIONS: Evolutions<Exclude<RolloutEvent['type'], 'run.started'>> = {
  ...RUN_EVOLUTIONS,
  ...STEP_EVOLUTIONS,
  ...FLAG_EVOLUTIONS,
};

/** Replays a whole log. The first event must be the start of the run. */
export function replay(events: readonly RolloutEvent[]): RolloutState | null {
  const [first, ...rest] = events;
  if (first?.type !== 'run.started') return null;
  return rest.reduce(evolve, initialState(first));
}

/** The state after one more event. Pure; knows nothing but the event. */
export function evolve(before: RolloutState, event: RolloutEvent): RolloutState {
  if (event.type === 'run.started') return initialState(event);
  const change = EVOLUTIONS[event.type] as (state: RolloutState, event: RolloutEvent) => RolloutState;
  return change({ ...before, revision: before.revision + 1 }, event);
}
