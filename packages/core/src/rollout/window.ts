import type { Step } from '../plan/index.ts';
import { isOpen, openedAt, openMsBetween } from '../time/index.ts';
import { indexOf } from './plan-index.ts';
import type { RolloutState } from './state.ts';

/** Whether any of the step's windows, if it has some, is open. */
export function mayMoveNow(step: Step, now: number): boolean {
  return isOpen(step.windows, now);
}

/** Whether the step's windows have opened anew since the moment; true where it has none. */
export function hasOpenedSince(step: Step, since: number, now: number): boolean {
  const opened = openedAt(step.windows, now);
  return opened === null || opened > since;
}

/** How much of a stretch of time (epoch ms) counts for a step's time-out: that in which its windows are open. */
export function countedMs({ plan }: RolloutState, stepId: string, from: number, to: number): number {
  return openMsBetween(indexOf(plan).steps.get(stepId)?.windows ?? [], from, to);
}
