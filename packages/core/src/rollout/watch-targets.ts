import { type Baseline, type Gate, isJudgedGate, plainValue, type WatchTarget } from '../health/index.ts';
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
        // What blindness took back to nobody goes on once data return.
        // Whether a migration may go live shows before its first exposure.
        const isWatched = known.stage >= 0 || known.hold?.reason === 'blind' || step.move?.to === 'live';
        if (gate === undefined || !isWatched || rollingBack) return [];
        const soakMs = step.soaksMs.reduce((sum, ms) => sum + ms, 0);
        const judging = judgingOf(state, known, gate, step.flag, soakMs);
        const { stage } = known;
        const asking = step.move === undefined ? {} : ({ asksRepairs: true } as const);
        const since = sinceOf(known);
        return [{ id: step.id, stepId: step.id, flag: step.flag, stage, since, gate, ...judging, ...asking }];
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
        ...judgingOf(
          state,
          afterRollback(state, known, step.flags[index] ?? null),
          gate,
          step.flags[index] ?? null,
          step.forMs,
        ),
      }));
    });
}

/** What a watch has seen of a flag that was taken back since says nothing of now. */
function afterRollback(state: RolloutState, known: StepState, flag: string | null): StepState {
  const last = state.rollbacks.findLast(({ flags }) => flag !== null && flags.includes(flag));
  if (last === undefined) return known;
  return { ...known, startedAt: Math.max(known.startedAt ?? 0, last.endedAt ?? last.initiatedAt) };
}

/** A baseline's error rate weighs as much as so many requests: enough to know what is usual, too little to outweigh what is seen. */
const BASELINE_REQUESTS = 1_000;

/** What a judge has to know of the step, for gates that have one. */
function judgingOf(
  state: RolloutState,
  { startedAt }: StepState,
  gate: Gate,
  flag: string | null,
  plannedMs: number,
): Pick<WatchTarget, 'judging'> {
  if (!isJudgedGate(gate)) return {};
  const percent = usualErrorPercent(state, flag);
  const requests = percent === null ? 0 : BASELINE_REQUESTS;
  const prior = { requests, errors: (requests * (percent ?? 0)) / 100 };
  const segments = flag === null ? [] : (state.plan.flags[flag]?.strata ?? []);
  return { judging: { begunAt: startedAt ?? 0, plannedMs, prior, segments } };
}

/** What share of requests failed when the baseline was recorded; null where no signal says so. */
function usualErrorPercent(state: RolloutState, flag: string | null): number | null {
  const baseline = baselineOf(state, flag);
  for (const { name, source } of Object.values(state.plan.signals)) {
    const usual = plainValue(baseline[name]);
    if (source.kind !== 'telemetry' || usual === null) continue;
    if (source.metric === 'error-rate') return usual;
    if (source.metric === 'success-rate') return 100 - usual;
  }
  return null;
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
