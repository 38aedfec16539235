import type { Baseline, WatchTarget } from '../health/index.ts';
import { contingencyWatchId } from './contingency.ts';
import { soakAt } from './ramp.ts';
import { watchIds } from './schedule.ts';
import type { RolloutState, StepState } from './state.ts';

/** What has to be judged now: every exposed ramp and every watch step. Goes on while paused and while people are awaited. */
export function watchTargets(state: RolloutState): readonly WatchTarget[] {
  if (state.status === 'finished') return [];
  return [...stepTargets(state), ...contingencyTargets(state)];
}

/** Contingencies that may (still or again) act. */
function contingencyTargets(state: RolloutState): readonly WatchTarget[] {
  return Object.values(state.plan.contingencies).flatMap(({ name, gate, flag, cooldownMs }) => {
    const known = state.contingencies[name];
    if (gate === null || known === undefined || known.status === 'acting') return [];
    if (known.firedAt !== null && cooldownMs === null) return [];
    const id = contingencyWatchId(name);
    return [{ id, stepId: id, flag, stage: -1, since: known.firedAt ?? state.startedAt, gate }];
  });
}

function stepTargets(state: RolloutState): readonly WatchTarget[] {
  return state.plan.phases
    .flatMap(({ steps }) => steps)
    .flatMap((step): readonly WatchTarget[] => {
      const known = state.steps[step.id];
      if (known?.status !== 'running') return [];
      if (step.kind === 'ramp') {
        const gate = state.plan.gates[step.gate];
        const rollingBack = state.rollbacks.some(
          ({ status, steps }) => status === 'running' && steps.includes(step.id),
        );
        if (gate === undefined || known.stage < 0 || rollingBack) return [];
        return [{ id: step.id, stepId: step.id, flag: step.flag, stage: known.stage, since: sinceOf(known), gate }];
      }
      if (step.kind !== 'watch') return [];
      const gate = state.plan.gates[step.gate];
      if (gate === undefined) return [];
      return watchIds(step).map((id, index) => ({
        id,
        stepId: step.id,
        flag: step.flags[index] ?? null,
        stage: -1,
        since: sinceOf(known),
        gate,
      }));
    });
}

/** The moment since which evidence for a step counts: when its present exposure was set, or the step began. */
export function sinceOf({ stageSince, startedAt }: StepState): number {
  return stageSince ?? startedAt ?? 0;
}

/** The healthy time a target needs. */
export function soakOf(state: RolloutState, stepId: string): number {
  const step = state.plan.phases.flatMap(({ steps }) => steps).find(({ id }) => id === stepId);
  if (step?.kind === 'ramp') return soakAt(step, state.steps[stepId]?.stage ?? -1);
  return step?.kind === 'watch' ? step.forMs : 0;
}

/** What a flag is compared with: its own baseline over the one that belongs to no flag. */
export function baselineOf(state: RolloutState, flag: string | null): Baseline {
  const shared = state.baselines['*'] ?? {};
  return flag === null ? shared : { ...shared, ...state.baselines[flag] };
}
