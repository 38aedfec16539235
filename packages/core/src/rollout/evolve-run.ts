import type { Step } from '../plan/index.ts';
import { armed, darkFlag, pendingPhase, pendingStep, waitEnd } from './initial-state.ts';
import { indexOf } from './plan-index.ts';
import type { PhaseState, RolloutState, StepState } from './state.ts';
import { type EventOf, type Evolutions, mapValues, withContingency, withFreeze, withPhase } from './state-changes.ts';
import { countedMs } from './window.ts';

type RunEvent =
  | 'run.paused'
  | 'run.resumed'
  | 'run.finished'
  | 'steps.reset'
  | 'plan.edited'
  | 'phase.started'
  | 'phase.finished'
  | 'freeze.lifted'
  | 'contingency.fired'
  | 'contingency.advanced'
  | 'contingency.ended';

/** What happens to a run as a whole, to its phases and to what stands beside them. */
export const RUN_EVOLUTIONS: Evolutions<RunEvent> = {
  'run.paused': paused,
  'run.resumed': resumed,
  'run.finished': finished,
  'steps.reset': stepsReset,
  'plan.edited': planEdited,
  'phase.started': (state, { phase, at }) => withPhase(state, phase, { status: 'running', startedAt: at }),
  'phase.finished': (state, { phase, status, at }) => withPhase(state, phase, { status, endedAt: at }),
  'freeze.lifted': (state, { stepId, lifted }) => withFreeze(state, stepId, { status: lifted ? 'lifted' : 'failed' }),
  'contingency.fired': (state, { name, at }) =>
    withContingency(state, name, { status: 'acting', firedAt: at, actionsDone: 0 }),
  'contingency.advanced': (state, { name }) =>
    withContingency(state, name, { actionsDone: (state.contingencies[name]?.actionsDone ?? 0) + 1 }),
  'contingency.ended': (state, { name, outcome }) => withContingency(state, name, { status: outcome }),
};

function paused(state: RolloutState, event: EventOf<'run.paused'>): RolloutState {
  const pausedBy = [...state.pausedBy.filter((scope) => scope !== event.scope), event.scope];
  return { ...state, status: 'paused', pausedAt: state.pausedAt ?? event.at, pausedBy };
}

/** Once nothing pauses the run any more, its timers go on where they stood. Moments of the calendar stay. */
function resumed(state: RolloutState, event: EventOf<'run.resumed'>): RolloutState {
  const pausedBy = state.pausedBy.filter((scope) => scope !== event.scope);
  if (pausedBy.length > 0) return { ...state, pausedBy };
  const steps = mapValues(state.steps, (step) => {
    if (step.status !== 'running') return step;
    const shifts = step.until !== null && isDurationWait(state, step.id);
    const until = shifts ? (step.until ?? 0) + event.pausedMs : step.until;
    const pausedMs = countedMs(state, step.id, event.at - event.pausedMs, event.at);
    return { ...step, until, pausedMs: step.pausedMs + pausedMs };
  });
  return { ...state, status: 'running', pausedAt: null, pausedBy, steps };
}

function isDurationWait(state: RolloutState, stepId: string): boolean {
  const step = indexOf(state.plan).steps.get(stepId);
  return step?.kind === 'wait' && step.until.kind === 'duration';
}

/** What is under way for steps is not waited for any more; rollbacks, messages about them and the end of freezes are. */
function finished(state: RolloutState, event: EventOf<'run.finished'>): RolloutState {
  const effects = Object.entries(state.effects).filter(([, { purpose }]) => purpose.kind !== 'step');
  return {
    ...state,
    status: 'finished',
    outcome: event.outcome,
    endedAt: event.at,
    pausedAt: null,
    pausedBy: [],
    effects: Object.fromEntries(effects),
  };
}

/** Attempts go on counting, so that no effect gets an id that was used before. */
function stepsReset(state: RolloutState, event: EventOf<'steps.reset'>): RolloutState {
  const steps = { ...state.steps };
  const flags = { ...state.flags };
  for (const id of event.steps) {
    steps[id] = { ...pendingStep(id), attempt: state.steps[id]?.attempt ?? 0 };
    const step = indexOf(state.plan).steps.get(id);
    const flag = step?.kind === 'ramp' ? flags[step.flag] : undefined;
    if (flag !== undefined) flags[flag.key] = { ...flag, status: 'dark' };
  }
  const isAgain = new Set(event.phases);
  const phases = mapValues(state.phases, (phase) =>
    isAgain.has(phase.name) ? { ...phase, status: begunAgain(state, steps, phase), endedAt: null } : phase,
  );
  const again = new Set(event.steps);
  const rollbacks = state.rollbacks.map((rollback) =>
    rollback.steps.some((id) => again.has(id)) || isAgain.has(rollback.target) || rollback.scope === 'plan'
      ? { ...rollback, superseded: true }
      : rollback,
  );
  const reopened: Partial<RolloutState> =
    state.status === 'finished' ? { status: 'running', outcome: null, endedAt: null } : {};
  return { ...state, ...reopened, steps, flags, phases, rollbacks };
}

/** A phase with nothing left of its first pass waits for what it needs; one that was under way goes on. */
function begunAgain(
  state: RolloutState,
  steps: Readonly<Record<string, StepState>>,
  phase: PhaseState,
): PhaseState['status'] {
  const own = state.plan.phases.find(({ name }) => name === phase.name)?.steps ?? [];
  return own.every(({ id }) => steps[id]?.status === 'pending') ? 'pending' : 'running';
}

/** What the new plan keeps is kept as it stands; what it adds is yet to be done. */
function planEdited(state: RolloutState, event: EventOf<'plan.edited'>): RolloutState {
  const { plan, planHash } = event;
  const voided = new Set(event.voided);
  const steps = plan.phases
    .flatMap((phase) => phase.steps)
    .map((step) => {
      const known = state.steps[step.id] ?? pendingStep(step.id);
      const until = editedUntil(state, known, step);
      if (!voided.has(step.id)) return { ...known, until };
      // Whoever said no said it to what is no longer asked.
      const hold = known.hold?.reason === 'rejected' ? null : known.hold;
      return { ...known, until, approval: null, hold };
    });
  return {
    ...state,
    plan,
    planHash,
    steps: Object.fromEntries(steps.map((step) => [step.id, step])),
    phases: Object.fromEntries(plan.phases.map(({ name }) => [name, state.phases[name] ?? pendingPhase(name)])),
    flags: Object.fromEntries(Object.keys(plan.flags).map((key) => [key, state.flags[key] ?? darkFlag(key)])),
    contingencies: armed(plan, state.contingencies),
  };
}

/** A wait that is under way ends as much later or earlier as it has become longer or shorter: pauses stay counted. */
function editedUntil(state: RolloutState, known: StepState, step: Step): number | null {
  const was = indexOf(state.plan).steps.get(step.id);
  if (step.kind === 'retire' && was?.kind === 'retire' && known.until !== null) {
    return known.until + step.afterMs - was.afterMs;
  }
  if (step.kind !== 'wait' || known.status !== 'running' || known.until === null) return known.until;
  const before = indexOf(state.plan).steps.get(step.id);
  if (before?.kind !== 'wait' || before.until.kind !== 'duration' || step.until.kind !== 'duration') {
    return waitEnd(step, known.startedAt ?? known.until);
  }
  return known.until + step.until.durationMs - before.until.durationMs;
}
