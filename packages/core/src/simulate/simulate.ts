import type { Plan } from '../plan/index.ts';
import { type Outcome, type RolloutEvent, type RunView, viewOf, type WaitView } from '../rollout/index.ts';
import { VirtualRun, type VirtualRunOptions } from './virtual-run.ts';

export type SimulationOptions = Omit<VirtualRunOptions, 'load'>;

export interface SimulationResult {
  /** `unfinished`: from some moment on, nothing could move any more without a person or better health. */
  readonly outcome: Outcome | 'unfinished';
  readonly startedAt: number;
  /** When it finished, or when the last thing happened. */
  readonly endedAt: number;
  /** Health checks made. */
  readonly checks: number;
  readonly events: readonly RolloutEvent[];
  readonly view: RunView;
  /** What it waited for in the end; empty when it finished. */
  readonly stuckOn: readonly WaitView[];
}

/** Plays a plan from start to end in virtual time: the same decisions as the live engine, with modelled traffic and people. */
export function simulate(plan: Plan, options: SimulationOptions): SimulationResult {
  const run = VirtualRun.begin(plan, { ...options, load: null });
  while (run.advance(Number.POSITIVE_INFINITY));
  return resultOf(run, options.startAt);
}

/** How a virtual run stands now. */
export function resultOf(run: VirtualRun, startedAt: number): SimulationResult {
  const { state, now, events } = run;
  const view = viewOf(state, run.watches, now);
  return {
    outcome: state.outcome ?? 'unfinished',
    startedAt,
    endedAt: state.endedAt ?? events.at(-1)?.at ?? now,
    checks: run.checks,
    events,
    view,
    stuckOn: state.status === 'finished' ? [] : view.waits,
  };
}
