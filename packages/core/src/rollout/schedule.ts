import type { Phase, Step } from '../plan/index.ts';
import { afterOpenMs } from '../time/index.ts';
import type { Draft } from './draft.ts';
import { stageOf } from './migration-stage.ts';
import { indexOf, rampsOf } from './plan-index.ts';
import { approvalComplete, enterFirstStage, goesLiveFirst } from './ramp.ts';
import { progressRetirement, skipsRetirement } from './retirement.ts';
import { nextRequest, requestStepEffect, startStep } from './start-step.ts';
import type { Outcome, PhaseStatus, RolloutState, StepState, StepStatus } from './state.ts';
import { mayMoveNow } from './window.ts';

/** Lets everything go on that can: steps that are done end, the next ones start, phases and the run finish. */
export function advanceSchedule(draft: Draft): void {
  if (draft.state.status !== 'running') return;
  let seen = -1;
  while (draft.state.revision !== seen && draft.state.status === 'running') {
    seen = draft.state.revision;
    for (const phase of draft.state.plan.phases) advancePhase(draft, phase);
    finishRun(draft);
  }
}

function advancePhase(draft: Draft, phase: Phase): void {
  const status = draft.state.phases[phase.name]?.status;
  if (status === 'pending') startPhase(draft, phase);
  if (draft.state.phases[phase.name]?.status !== 'running') return;
  for (const step of phase.steps) {
    if (advanceStep(draft, step)) return;
  }
  if (phaseIsBeingRolledBack(draft.state, phase)) return;
  const outcome = isTakenBack(draft.state, phase) ? 'rolled-back' : 'completed';
  const reason = outcome === 'completed' ? 'all its steps are done' : 'it was rolled back';
  draft.emit({ type: 'phase.finished', phase: phase.name, status: outcome }, reason);
}

function startPhase(draft: Draft, phase: Phase): void {
  const needs = phase.needs.map((name) => draft.state.phases[name]?.status);
  if (isTakenBack(draft.state, phase, 'as a whole')) return skipPhase(draft, phase, 'the plan was rolled back');
  const lost = phase.needs.find((name) => isLost(draft.state.phases[name]?.status));
  if (lost !== undefined) return skipPhase(draft, phase, `phase ${lost}, which it needs, did not complete`);
  if (!needs.every((status) => status === 'completed')) return;
  const reason = phase.needs.length === 0 ? 'the run began' : `${phase.needs.join(', ')} completed`;
  draft.emit({ type: 'phase.started', phase: phase.name }, reason);
}

function skipPhase(draft: Draft, phase: Phase, reason: string): void {
  for (const step of phase.steps) {
    if (!isOver(draft.state.steps[step.id]?.status ?? 'pending')) {
      draft.emit({ type: 'step.skipped', stepId: step.id }, reason);
    }
  }
  draft.emit({ type: 'phase.finished', phase: phase.name, status: 'skipped' }, reason);
}

function isLost(status: PhaseStatus | undefined): boolean {
  return status === 'rolled-back' || status === 'skipped';
}

/** Moves one step as far as it goes now; true when the phase has to wait for it. */
function advanceStep(draft: Draft, step: Step): boolean {
  const status = draft.state.steps[step.id]?.status ?? 'pending';
  if (isOver(status)) return false;
  if (status === 'pending') {
    const phase = indexOf(draft.state.plan).phaseOf.get(step.id);
    if (phase !== undefined && isTakenBack(draft.state, phase, step.id)) {
      draft.emit({ type: 'step.skipped', stepId: step.id }, 'its phase was rolled back');
      return false;
    }
    if (!mayStart(draft, step)) return !isOver(draft.state.steps[step.id]?.status ?? 'pending');
    startStep(draft, step, 'its turn has come');
  }
  progress(draft, step);
  return !isOver(draft.state.steps[step.id]?.status ?? 'pending');
}

function isOver(status: StepStatus): boolean {
  return status === 'completed' || status === 'skipped' || status === 'rolled-back';
}

function mayStart(draft: Draft, step: Step): boolean {
  const { state } = draft;
  if (state.steps[step.id]?.hold || (step.notBefore !== null && draft.now < step.notBefore)) return false;
  if (!step.needs.every((id) => isOver(state.steps[id]?.status ?? 'pending'))) return false;
  if (step.kind === 'ramp' && (skipsForPrerequisite(draft, step) || skipsForStage(draft, step))) return false;
  if (step.kind === 'retire' && skipsRetirement(draft, step)) return false;
  return mayMoveNow(step, draft.now);
}

/** Skips a ramp that nobody is on yet and whose prerequisite is lost, however far it had come otherwise. */
function skipsForPrerequisite(draft: Draft, step: Extract<Step, { readonly kind: 'ramp' }>): boolean {
  const lost = lostPrerequisite(draft.state, step.flag);
  if (lost === null) return false;
  const reason = `${step.flag} requires ${lost}, which is not on the candidate`;
  draft.emit({ type: 'step.skipped', stepId: step.id }, reason);
  return true;
}

/** Skips a stage whose stage before was taken back: from where the migration stands it would pass over one. */
function skipsForStage(draft: Draft, { id, flag, move }: Extract<Step, { readonly kind: 'ramp' }>): boolean {
  const reached = stageOf(draft.state, flag);
  if (move === undefined || reached === undefined || reached === move.from) return false;
  const reason = `${flag} is at stage ${reached}, and comes to ${move.to} from ${move.from} only`;
  draft.emit({ type: 'step.skipped', stepId: id }, reason);
  return true;
}

/** A prerequisite that will not be complete: rolled back, being rolled back, or skipped. */
function lostPrerequisite(state: RolloutState, flag: string): string | null {
  const requires = state.plan.flags[flag]?.requires ?? [];
  return (
    requires.find((key) => {
      const status = state.flags[key]?.status;
      const ramp = rampsOf(state.plan, key).find(({ move }) => move === undefined || move.to === 'live');
      const ended = ramp === undefined ? undefined : state.steps[ramp.id]?.status;
      const isLeft = ended === 'skipped' || ended === 'rolled-back';
      return status === 'rolled-back' || status === 'rolling-back' || isLeft;
    }) ?? null
  );
}

/** What a running step can do by itself, without a verdict. */
function progress(draft: Draft, step: Step): void {
  const state = draft.state.steps[step.id];
  if (state === undefined || state.status !== 'running') return;
  holdWhenTimedOut(draft, step);
  if (isBeingRolledBack(draft.state, step.id) || draft.state.steps[step.id]?.hold?.reason === 'person') return;
  switch (step.kind) {
    case 'ramp':
      if (state.stage === -1 && skipsForPrerequisite(draft, step)) return;
      if (draft.state.steps[step.id]?.hold === null && !goesLiveFirst(step, state)) enterFirstStage(draft, step);
      return;
    case 'approve':
      return progressApproval(draft, step);
    case 'wait':
      if (state.until !== null && draft.now >= state.until) complete(draft, step, 'the wait is over');
      return;
    case 'retire':
      if (!skipsRetirement(draft, step)) progressRetirement(draft, step);
      return;
    case 'watch':
      if (watchIds(step).every((id) => state.soaked.includes(id)))
        complete(draft, step, 'healthy for as long as asked');
      return;
    default:
      return progressEffects(draft, step);
  }
}

function progressApproval(draft: Draft, step: Extract<Step, { readonly kind: 'approve' }>): void {
  const state = draft.state.steps[step.id];
  if (approvalComplete(draft.state, state)) return complete(draft, step, 'everybody who was asked has agreed');
  if (state?.approval) return;
  draft.emit(
    {
      type: 'approval.requested',
      stepId: step.id,
      approvalId: `${step.id}#${state?.attempt ?? 1}`,
      question: step.question,
      by: step.by,
    },
    'the plan asks for approval here',
  );
}

function progressEffects(draft: Draft, step: Step): void {
  const state = draft.state.steps[step.id];
  const busy = Object.values(draft.state.effects).some(
    ({ purpose }) => purpose.kind === 'step' && purpose.stepId === step.id,
  );
  if (busy || state?.hold) return;
  const request = nextRequest(draft.state, step);
  if (request === null) return complete(draft, step, 'all of it is done');
  requestStepEffect(draft, step, request);
}

function complete(draft: Draft, step: Step, reason: string): void {
  draft.emit({ type: 'step.completed', stepId: step.id }, reason);
}

function holdWhenTimedOut(draft: Draft, step: Step): void {
  const state = draft.state.steps[step.id];
  if (step.timeoutMs === null || !state || state.hold !== null || state.startedAt === null) return;
  if (draft.now < timesOutAt(step, state, draft.now)) return;
  const text = 'not done within its time-out';
  draft.emit({ type: 'step.held', stepId: step.id, hold: 'timed-out', evidence: null }, text);
}

/**
 * When a running step with a time-out is out of time; epoch ms. Pauses and the hours outside its windows do not count,
 * and they are reckoned only once so much time has passed at all.
 */
export function timesOutAt(step: Step, { startedAt, pausedMs }: StepState, now: number): number {
  if (step.timeoutMs === null || startedAt === null) return Number.POSITIVE_INFINITY;
  const earliest = startedAt + step.timeoutMs + pausedMs;
  return now < earliest ? earliest : afterOpenMs(step.windows, startedAt, step.timeoutMs + pausedMs);
}

/** The ids of what a watch step watches: one per flag, or itself where it names none. */
export function watchIds(step: Extract<Step, { readonly kind: 'watch' }>): readonly string[] {
  return step.flags.length === 0 ? [step.id] : step.flags.map((flag) => `${step.id}@${flag}`);
}

export function isBeingRolledBack(state: RolloutState, stepId: string): boolean {
  return state.rollbacks.some(({ status, steps }) => status === 'running' && steps.includes(stepId));
}

function phaseIsBeingRolledBack(state: RolloutState, phase: Phase): boolean {
  return phase.steps.some(({ id }) => isBeingRolledBack(state, id));
}

/**
 * Whether a rollback of the phase, of the plan or to a point before it reached the phase, or one of its steps; a single
 * flag's does not undo its phase, and what is done again is not taken back any more.
 */
function isTakenBack(
  state: RolloutState,
  phase: Phase,
  what: 'anywhere' | 'as a whole' | (string & {}) = 'anywhere',
): boolean {
  return state.rollbacks.some(({ scope, target, superseded }) => {
    if (superseded) return false;
    if (scope === 'plan' || (scope === 'phase' && target === phase.name)) return true;
    if (scope !== 'point') return false;
    const after = phase.steps.filter(({ id }) => indexOf(state.plan).isAfterPoint(id, target));
    if (what === 'anywhere') return after.length > 0;
    return what === 'as a whole' ? after.length === phase.steps.length : after.some(({ id }) => id === what);
  });
}

function finishRun(draft: Draft): void {
  const { state } = draft;
  if (state.status !== 'running') return;
  const over = Object.values(state.phases).every(({ status }) => status !== 'pending' && status !== 'running');
  if (!over || state.rollbacks.some(({ status }) => status === 'running')) return;
  const outcome = outcomeOf(state);
  draft.emit({ type: 'run.finished', outcome }, outcomeText(outcome));
}

export function outcomeOf(state: RolloutState): Outcome {
  const rollbacks = state.rollbacks.filter(({ superseded }) => !superseded);
  if (rollbacks.some(({ status }) => status === 'failed')) return 'failed';
  if (rollbacks.some(({ scope }) => scope === 'plan')) return 'rolled-back';
  const steps = Object.values(state.steps);
  const whole = steps.every(({ status }) => status === 'completed');
  return whole ? 'succeeded' : 'partial';
}

export function outcomeText(outcome: Outcome): string {
  switch (outcome) {
    case 'succeeded':
      return 'everything in the plan is done';
    case 'partial':
      return 'the plan ran to its end, but not everything stayed on the candidate';
    case 'rolled-back':
      return 'the plan was rolled back';
    case 'failed':
      return 'a rollback failed';
    case 'aborted':
      return 'a person stopped it';
    case 'cancelled':
      return 'a person ended it as it stood';
  }
}
