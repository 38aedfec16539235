import type { ErrorCode } from '../error.ts';
import type { RolloutState, StepState } from './state.ts';

/** Why a command is not carried out. Nothing was changed. */
export interface Refusal {
  readonly code: Extract<ErrorCode, 'invalid-state' | 'stale-revision' | 'forbidden' | 'not-found' | 'invalid-plan'>;
  readonly message: string;
}

export function invalid(message: string): Refusal {
  return { code: 'invalid-state', message };
}

export function isUnderRollback(state: RolloutState, stepId: string): boolean {
  return state.rollbacks.some(({ status, steps }) => status === 'running' && steps.includes(stepId));
}

/** Whether something of the step is under way that cannot be called back: a command or a message. */
export function isActing(state: RolloutState, stepId: string): boolean {
  return Object.values(state.effects).some(
    ({ purpose, request }) =>
      purpose.kind === 'step' &&
      purpose.stepId === stepId &&
      (request.kind === 'command' || request.kind === 'message'),
  );
}

/** The named step, or the only one that fits; otherwise a refusal that lists those that do. */
export function theStep(
  state: RolloutState,
  stepId: string | undefined,
  fits: (step: StepState) => boolean,
  what: string,
): StepState | Refusal {
  const fitting = Object.values(state.steps).filter(fits);
  const names = fitting.map(({ id }) => id).join(', ') || 'none';
  if (stepId !== undefined) {
    const step = state.steps[stepId];
    if (step === undefined) {
      return { code: 'not-found', message: `there is no step '${stepId}' in this run; what ${what}: ${names}` };
    }
    return fits(step) ? step : invalid(`${stepId} is not one that ${what}; what ${what}: ${names}`);
  }
  const [only, ...others] = fitting;
  if (only === undefined) return invalid(`no step ${what}`);
  return others.length === 0 ? only : invalid(`name the step, more than one ${what}: ${names}`);
}
