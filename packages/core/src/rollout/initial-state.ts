import type { Plan, Step } from '../plan/index.ts';
import type { ContingencyState, FlagState, PhaseState, RolloutState, StepState } from './state.ts';
import { type EventOf, mapValues } from './state-changes.ts';

/** The state of a run that has just started. */
export function initialState(event: EventOf<'run.started'>): RolloutState {
  const { plan } = event;
  const steps = plan.phases.flatMap((phase) => phase.steps.map((step) => step.id));
  return {
    runId: event.runId,
    plan,
    planHash: event.planHash,
    revision: 1,
    status: 'running',
    outcome: null,
    startedAt: event.at,
    endedAt: null,
    pausedAt: null,
    pausedBy: [],
    forecast: event.forecast ?? {},
    phases: Object.fromEntries(plan.phases.map(({ name }) => [name, pendingPhase(name)])),
    steps: Object.fromEntries(steps.map((id) => [id, pendingStep(id)])),
    flags: Object.fromEntries(Object.keys(plan.flags).map((key) => [key, inheritingFlag(event, key)])),
    effects: {},
    captures: {},
    baselines: {},
    rollbacks: [],
    freezes: {},
    contingencies: armed(plan, {}),
  };
}

export function armed(plan: Plan, known: RolloutState['contingencies']): RolloutState['contingencies'] {
  const fresh: ContingencyState = { status: 'armed', firedAt: null, actionsDone: 0 };
  return mapValues(plan.contingencies, ({ name }) => known[name] ?? fresh);
}

/** When a wait that begins at the moment ends. */
export function waitEnd(step: Extract<Step, { readonly kind: 'wait' }>, startedAt: number): number {
  return step.until.kind === 'duration' ? startedAt + step.until.durationMs : step.until.at;
}

export function pendingPhase(name: string): PhaseState {
  return { name, status: 'pending', startedAt: null, endedAt: null };
}

export function pendingStep(id: string): StepState {
  return {
    id,
    status: 'pending',
    startedAt: null,
    endedAt: null,
    attempt: 0,
    hold: null,
    effectsDone: 0,
    stage: -1,
    stageSince: null,
    approval: null,
    until: null,
    pausedMs: 0,
    soaked: [],
    warned: null,
  };
}

function inheritingFlag({ overrides = {} }: EventOf<'run.started'>, key: string): FlagState {
  const known = Object.hasOwn(overrides, key) ? overrides[key] : undefined;
  return known === undefined ? darkFlag(key) : { ...darkFlag(key), overrides: known };
}

export function darkFlag(key: string): FlagState {
  return { key, status: 'dark', exposure: 0, changedAtRevision: 0, changedAt: null, confirmed: true };
}
