import { isLive } from '../flag/index.ts';
import type { Effect } from './effect.ts';

import { indexOf } from './plan-index.ts';
import type { Hold, RolloutState, StepState } from './state.ts';
import {
  type EventOf,
  type Evolutions,
  withContingency,
  withFlag,
  withFreeze,
  withRollback,
  withStep,
} from './state-changes.ts';
import { countedMs } from './window.ts';

type StepEvent =
  | 'step.started'
  | 'step.held'
  | 'step.released'
  | 'step.completed'
  | 'step.skipped'
  | 'step.rolled-back'
  | 'step.warned'
  | 'watch.soaked'
  | 'effect.requested'
  | 'effect.finished'
  | 'approval.requested'
  | 'approval.given'
  | 'approval.rejected';

/** What happens to steps, to what they ask of people, and to what is done for them outside. */
export const STEP_EVOLUTIONS: Evolutions<StepEvent> = {
  'step.started': (state, event) => withStep(state, event.stepId, started(event)),
  'step.held': (state, event) => withStep(state, event.stepId, { hold: holdOf(event) }),
  'step.released': (state, { stepId, at }) => withStep(state, stepId, (step) => released(state, step, at)),
  'step.completed': completed,
  'step.skipped': (state, { stepId, at }) => withStep(state, stepId, { status: 'skipped', endedAt: at, hold: null }),
  'step.rolled-back': (state, { stepId, at }) =>
    withStep(state, stepId, { status: 'rolled-back', endedAt: at, hold: null, approval: null }),
  'step.warned': (state, { stepId, rules }) => withStep(state, stepId, { warned: rules }),
  'watch.soaked': (state, { stepId, watchId }) =>
    withStep(state, stepId, ({ soaked }) => ({ soaked: [...soaked, watchId] })),
  'effect.requested': (state, { effect }) => ({ ...state, effects: { ...state.effects, [effect.id]: effect } }),
  'effect.finished': effectFinished,
  'approval.requested': (state, event) => withStep(state, event.stepId, { approval: approvalOf(event) }),
  'approval.given': approvalGiven,
  'approval.rejected': (state) => state,
};

function started(event: EventOf<'step.started'>): Partial<StepState> {
  return {
    status: 'running',
    startedAt: event.at,
    attempt: event.attempt,
    until: event.until,
    pausedMs: 0,
    hold: null,
    effectsDone: 0,
  };
}

/**
 * A step that timed out, or that nobody could see, and that is to go on has its whole time again: what it has used up
 * counts as a pause.
 */
function released(state: RolloutState, { id, hold, startedAt, pausedMs }: StepState, at: number): Partial<StepState> {
  const isGivenTime = hold?.reason === 'timed-out' || hold?.reason === 'blind';
  return { hold: null, pausedMs: isGivenTime && startedAt !== null ? countedMs(state, id, startedAt, at) : pausedMs };
}

function holdOf(event: EventOf<'step.held'>): Hold {
  return { reason: event.hold, text: event.reason, since: event.at };
}

function approvalOf(event: EventOf<'approval.requested'>): StepState['approval'] {
  return { id: event.approvalId, question: event.question, by: event.by, given: [], requestedAt: event.at };
}

function completed(state: RolloutState, event: EventOf<'step.completed'>): RolloutState {
  const step = indexOf(state.plan).steps.get(event.stepId);
  const next = withStep(state, event.stepId, { status: 'completed', endedAt: event.at, hold: null, approval: null });
  if (step?.kind !== 'ramp') return next;
  const isOnCandidate = step.move === undefined || isLive(step.move.to);
  return withFlag(next, step.flag, { status: isOnCandidate ? 'complete' : 'dark' });
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
  return withProgress(next, effect, event);
}

/** Tells whoever asked for the effect how it ended. */
function withProgress(state: RolloutState, { purpose }: Effect, event: EventOf<'effect.finished'>): RolloutState {
  const succeeded = event.result.outcome === 'succeeded';
  switch (purpose.kind) {
    case 'step': {
      if (!succeeded) return state;
      const next = withStep(state, purpose.stepId, (step) => ({ effectsDone: step.effectsDone + 1 }));
      const isFreeze = indexOf(state.plan).steps.get(purpose.stepId)?.kind === 'freeze';
      return isFreeze ? withFreeze(next, purpose.stepId, { status: 'on', attempts: 0 }) : next;
    }
    case 'undo':
    case 'verify':
    case 'after':
      return withRollback(state, purpose.rollbackId, ({ tried }) => ({
        tried: tried + 1,
        lastTry: { succeeded, text: event.result.summary },
      }));
    case 'contingency':
      if (!succeeded) return state;
      return withContingency(state, purpose.name, {
        actionsDone: (state.contingencies[purpose.name]?.actionsDone ?? 0) + 1,
      });
    case 'lift':
      return withFreeze(state, purpose.stepId, { attempts: (state.freezes[purpose.stepId]?.attempts ?? 0) + 1 });
    case 'escalate':
      return state;
  }
}

function approvalGiven(state: RolloutState, event: EventOf<'approval.given'>): RolloutState {
  return withStep(state, event.stepId, (step) => {
    if (step.approval === null || step.approval.id !== event.approvalId) return {};
    const given = [...step.approval.given, { person: event.person, at: event.at }];
    return { approval: { ...step.approval, given }, hold: step.hold?.reason === 'rejected' ? null : step.hold };
  });
}
