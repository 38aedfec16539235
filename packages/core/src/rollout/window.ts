import type { Step } from '../plan/index.ts';
import { isOpen, openedAt } from '../time/index.ts';

/** Whether any of the step's windows, if it has some, is open. */
export function mayMoveNow(step: Step, now: number): boolean {
  return isOpen(step.windows, now);
}

/** Whether the step's windows have opened anew since the moment; true where it has none. */
export function hasOpenedSince(step: Step, since: number, now: number): boolean {
  const opened = openedAt(step.windows, now);
  return opened === null || opened > since;
}
