import type { Step } from '../plan/index.ts';
import { isInsideWindow, nextOpening } from '../time/index.ts';
import { nextDescentAt } from './rollback.ts';
import type { RolloutState } from './state.ts';

/** The next moment (epoch ms) at which time alone makes the run move; null when only an input can. Always after `now`. */
export function nextWakeAt(state: RolloutState, now: number): number | null {
  const moments = state.rollbacks.flatMap((rollback) => nextDescentAt(rollback, now) ?? []);
  if (state.status === 'running') moments.push(...stepMoments(state), ...windowMoments(state, now));
  return moments.length === 0 ? null : Math.max(now + 1, Math.min(...moments));
}

function stepMoments(state: RolloutState): readonly number[] {
  return unfinishedSteps(state).flatMap((step) => {
    const { status, until, hold, startedAt } = state.steps[step.id] ?? {};
    if (status !== 'running') return [];
    const timesOut = step.timeoutMs !== null && hold === null && startedAt != null;
    return [until ?? [], timesOut ? startedAt + (step.timeoutMs ?? 0) : []].flat();
  });
}

function windowMoments(state: RolloutState, now: number): readonly number[] {
  return unfinishedSteps(state).flatMap(({ window }) =>
    window === null || isInsideWindow(window, now) ? [] : nextOpening(window, now),
  );
}

function unfinishedSteps(state: RolloutState): readonly Step[] {
  return state.plan.phases
    .filter(({ name }) => state.phases[name]?.status === 'running')
    .flatMap(({ steps }) => steps)
    .filter(({ id }) => state.steps[id]?.status === 'pending' || state.steps[id]?.status === 'running');
}
