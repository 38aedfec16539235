import type { Step } from '../plan/index.ts';
import { isInsideWindow } from '../time/index.ts';

/** Whether the step's window, if it has one, is open. */
export function mayMoveNow(step: Step, now: number): boolean {
  return step.window === null || isInsideWindow(step.window, now);
}
