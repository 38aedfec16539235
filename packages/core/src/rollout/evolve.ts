import type { Effect } from './effect.ts';
import type { RolloutEvent } from './event.ts';
import { indexOf } from './plan-index.ts';
import type { FlagState, Hold, PhaseState, RollbackState, RolloutState, StepState } from './state.ts';

type EventOf<Type extends RolloutEvent['type']> = Extract<RolloutEvent, { readonly type: Type }>;

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
    phases: Object.fromEntries(plan.phases.map(({ name }) => [name, pendingPhase(name)])),
    steps: Object.fromEntries(steps.map((id) => [id, pendingStep(id)])),
    flags: Object.fromEntries(Object.keys(plan.flags).map((key) => [key, darkFlag(key)])),
    effects: {},
    captures: {},
    baselines: {},
    rollbacks: [],
  };
}

/** Replays a whole log. The first event must be the start of the run. */
export function replay(events: readonly RolloutEvent[]): RolloutState | null {
  const [first, ...rest] = events;
  if (first?.type !== 'run.started') return null;
  return rest.reduce(evolve, initialState(first));
}

/** The state after one more event. Pure; knows nothing but the event. */
export function evolve(before: RolloutState, event: RolloutEvent): RolloutState {
  const state = { ...before, revision: before.revision + 1 };
  switch (event.type) {
    case 'run.started':
      return initialState(event);
    case 'run.paused':
      return { ...state, status: 'paused', pausedAt: event.at };
    case 'run.resumed':
      return resumed(state, event);
    case 'run.finished':
      return { ...state, status: 'finished', outcome: event.outcome, endedAt: event.at, effects: {} };
    case 'phase.started':
      return withPhase(state, event.phase, { status: 'running', startedAt: event.at });
    case 'phase.finished':
      return withPhase(state, event.phase, { status: event.status, endedAt: event.at });
    case 'step.started':
      return withStep(state, event.stepId, started(event));
    case 'step.held':
      return withStep(state, event.stepId, { hold: holdOf(event) });
    case 'step.released':
      return withStep(state, event.stepId, { hold: null });
    case 'step.completed':
      return completed(state, event);
    case 'step.skipped':
      return withStep(state, event.stepId, { status: 'skipped', endedAt: event.at, hold: null });
    case 'step.rolled-back':
      return withStep(state, event.stepId, { status: 'rolled-back', endedAt: event.at, hold: null, approval: null });
    case 'step.warned':
      return withStep(state, event.stepId, { warned: event.rules });
    case 'watch.soaked':
      return withStep(state, event.stepId, (step) => ({ soaked: [...step.soaked, event.watchId] }));
    case 'effect.requested':
      return { ...state, effects: { ...state.effects, [event.effect.id]: event.effect } };
    case 'effect.finished':
      return effectFinished(state, event);
    case 'flag.exposure-changed':
      return exposureChanged(state, event);
    case 'flag.exposure-confirmed':
      return withFlag(state, event.flag, { confirmed: true });
    case 'approval.requested':
      return withStep(state, event.stepId, { approval: approvalOf(event) });
    case 'approval.given':
      return approvalGiven(state, event);
    case 'approval.rejected':
      return state;
    case 'rollback.initiated':
      return rollbackInitiated(state, event);
    case 'rollback.completed':
      return rollbackEnded(state, event.rollbackId, {
        status: 'completed',
        endedAt: event.at,
        withinBudget: event.withinBudget,
        verification: event.verification,
      });
    case 'rollback.failed':
      return rollbackEnded(state, event.rollbackId, {
        status: 'failed',
        endedAt: event.at,
        withinBudget: false,
        failure: event.standing,
      });
  }
}

function started(event: EventOf<'step.started'>): Partial<StepState> {
  return {
    status: 'running',
    startedAt: event.at,
    attempt: event.attempt,
    until: event.until,
    hold: null,
    effectsDone: 0,
  };
}

function holdOf(event: EventOf<'step.held'>): Hold {
  return { reason: event.hold, text: event.reason, since: event.at };
}

function approvalOf(event: EventOf<'approval.requested'>): StepState['approval'] {
  return { id: event.approvalId, question: event.question, by: event.by, given: [], requestedAt: event.at };
}

function resumed(state: RolloutState, event: EventOf<'run.resumed'>): RolloutState {
  const steps = Object.fromEntries(
    Object.entries(state.steps).map(([id, step]) => {
      const shifts = step.status === 'running' && step.until !== null && isDurationWait(state, id);
      return [id, shifts ? { ...step, until: (step.until ?? 0) + event.pausedMs } : step];
    }),
  );
  return { ...state, status: 'running', pausedAt: null, steps };
}

function isDurationWait(state: RolloutState, stepId: string): boolean {
  const step = indexOf(state.plan).steps.get(stepId);
  return step?.kind === 'wait' && step.until.kind === 'duration';
}

function completed(state: RolloutState, event: EventOf<'step.completed'>): RolloutState {
  const step = indexOf(state.plan).steps.get(event.stepId);
  const next = withStep(state, event.stepId, { status: 'completed', endedAt: event.at, hold: null, approval: null });
  return step?.kind === 'ramp' ? withFlag(next, step.flag, { status: 'complete' }) : next;
}

function effectFinished(state: RolloutState, event: EventOf<'effect.finished'>): RolloutState {
  const effect = state.effects[event.effectId];
  if (effect === undefined) return state;
  const { [event.effectId]: _finished, ...effects } = state.effects;
  const { result } = event;
  const next: RolloutState = {
    ...state,
    effects,
    captures: { ...state.captures, ...result.captures },
    baselines: { ...state.baselines, ...result.baselines },
  };
  if (result.outcome === 'succeeded' && effect.purpose.kind === 'step') {
    return withStep(next, effect.purpose.stepId, (step) => ({ effectsDone: step.effectsDone + 1 }));
  }
  return effect.purpose.kind === 'step' ? next : rollbackEffectFinished(next, effect, event);
}

function rollbackEffectFinished(state: RolloutState, effect: Effect, event: EventOf<'effect.finished'>): RolloutState {
  const { purpose } = effect;
  if (purpose.kind === 'step') return state;
  const { result } = event;
  return withRollback(state, purpose.rollbackId, (rollback) => {
    if (result.outcome !== 'succeeded') return { failure: rollback.failure ?? `${effect.id}: ${result.summary}` };
    if (purpose.kind === 'undo') return { undone: [...rollback.undone, purpose.stepId] };
    return { verified: [...rollback.verified, result.summary] };
  });
}

function exposureChanged(state: RolloutState, event: EventOf<'flag.exposure-changed'>): RolloutState {
  const flag = state.flags[event.flag];
  const next = withFlag(state, event.flag, {
    exposure: event.to,
    changedAt: event.at,
    changedAtRevision: state.revision,
    confirmed: false,
    status: event.stage === null ? (flag?.status ?? 'dark') : 'ramping',
  });
  if (event.stage === null) return next;
  const ramp = indexOf(state.plan).rampOf.get(event.flag);
  if (ramp === undefined) return next;
  return withStep(next, ramp.id, {
    stage: event.stage,
    stageSince: event.at,
    hold: null,
    approval: null,
    warned: null,
  });
}

function approvalGiven(state: RolloutState, event: EventOf<'approval.given'>): RolloutState {
  return withStep(state, event.stepId, (step) => {
    if (step.approval === null || step.approval.id !== event.approvalId) return {};
    const given = [...step.approval.given, { person: event.person, at: event.at }];
    return { approval: { ...step.approval, given }, hold: step.hold?.reason === 'rejected' ? null : step.hold };
  });
}

function rollbackInitiated(state: RolloutState, event: EventOf<'rollback.initiated'>): RolloutState {
  const rollback: RollbackState = {
    id: event.rollbackId,
    scope: event.scope,
    target: event.target,
    reason: event.reason,
    overMs: event.overMs,
    flags: event.flags,
    steps: event.steps,
    budgetMs: event.budgetMs,
    initiatedAt: event.at,
    endedAt: null,
    status: 'running',
    withinBudget: null,
    from: Object.fromEntries(event.flags.map((key) => [key, state.flags[key]?.exposure ?? 0])),
    undone: [],
    verified: [],
    verification: [],
    failure: null,
    evidence: event.evidence,
  };
  const next = { ...state, rollbacks: [...state.rollbacks, rollback] };
  return event.flags.reduce<RolloutState>((known, key) => withFlag(known, key, { status: 'rolling-back' }), next);
}

function rollbackEnded(state: RolloutState, id: string, changes: Partial<RollbackState>): RolloutState {
  const next = withRollback(state, id, () => changes);
  const flags = next.rollbacks.find((rollback) => rollback.id === id)?.flags ?? [];
  return flags.reduce<RolloutState>((known, key) => withFlag(known, key, { status: 'rolled-back' }), next);
}

function withRollback(
  state: RolloutState,
  id: string,
  change: (rollback: RollbackState) => Partial<RollbackState>,
): RolloutState {
  const rollbacks = state.rollbacks.map((rollback) =>
    rollback.id === id ? { ...rollback, ...change(rollback) } : rollback,
  );
  return { ...state, rollbacks };
}

function withStep(
  state: RolloutState,
  id: string,
  change: Partial<StepState> | ((step: StepState) => Partial<StepState>),
): RolloutState {
  const step = state.steps[id];
  if (step === undefined) return state;
  const changes = typeof change === 'function' ? change(step) : change;
  return { ...state, steps: { ...state.steps, [id]: { ...step, ...changes } } };
}

function withPhase(state: RolloutState, name: string, changes: Partial<PhaseState>): RolloutState {
  const phase = state.phases[name];
  return phase === undefined ? state : { ...state, phases: { ...state.phases, [name]: { ...phase, ...changes } } };
}

function withFlag(state: RolloutState, key: string, changes: Partial<FlagState>): RolloutState {
  const flag = state.flags[key];
  return flag === undefined ? state : { ...state, flags: { ...state.flags, [key]: { ...flag, ...changes } } };
}

function pendingPhase(name: string): PhaseState {
  return { name, status: 'pending', startedAt: null, endedAt: null };
}

function pendingStep(id: string): StepState {
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
    soaked: [],
    warned: null,
  };
}

function darkFlag(key: string): FlagState {
  return { key, status: 'dark', exposure: 0, changedAtRevision: 0, changedAt: null, confirmed: true };
}
