import type { Step } from '../plan/index.ts';
import { isOpen, nextOpening } from '../time/index.ts';
import { nextRollbackMoment } from './rollback.ts';
import { timesOutAt } from './schedule.ts';
import type { RolloutState } from './state.ts';

/** The next moment (epoch ms) at which time alone makes the run move; null when only an input can. Always after `now`. */
export function nextWakeAt(state: RolloutState, now: number): number | null {
  const moments = state.rollbacks.flatMap((rollback) => nextRollbackMoment(state, rollback) ?? []);
  if (state.status === 'running') {
    for (const step of currentSteps(state)) moments.push(...stepMoments(state, step, now));
  }
  return moments.length === 0 ? null : Math.max(now + 1, Math.min(...moments));
}

/** The step that each running phase is at. Those behind it wait for it, not for time. */
export function currentSteps(state: RolloutState): readonly Step[] {
  return state.plan.phases
    .filter(({ name }) => state.phases[name]?.status === 'running')
    .flatMap(({ steps }) => steps.find(({ id }) => isUnfinished(state, id)) ?? []);
}

function isUnfinished(state: RolloutState, id: string): boolean {
  const status = state.steps[id]?.status;
  return status === 'pending' || status === 'running';
}

function stepMoments(state: RolloutState, step: Step, now: number): readonly number[] {
  const known = state.steps[step.id];
  if (known === undefined) return [];
  if (known.status === 'pending') return startMoments(state, step, now);
  const moments: number[] = [];
  const isHeld = known.hold !== null;
  // A retirement whose time has come waits for people.
  const isDue = step.kind === 'retire' && known.until !== null && known.until <= now;
  if (known.until !== null && !isDue && known.hold?.reason !== 'person') moments.push(known.until);
  if (step.timeoutMs !== null && !isHeld) {
    moments.push(timesOutAt(step, known, now));
  }
  if (!isHeld && !isOpen(step.windows, now)) moments.push(nextOpening(step.windows, now));
  return moments;
}

function startMoments(state: RolloutState, step: Step, now: number): readonly number[] {
  if (state.steps[step.id]?.hold || step.needs.some((id) => isUnfinished(state, id))) return [];
  const earliest = Math.max(now, step.notBefore ?? now);
  if (earliest > now || !isOpen(step.windows, earliest)) return [nextOpening(step.windows, earliest)];
  // It could begin at once: the moment it waited for has just come.
  return step.notBefore === null ? [] : [now];
}
