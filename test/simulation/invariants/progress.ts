import type { Plan, Step } from '@theseus/core/plan';
import type { RollbackState, RolloutState } from '@theseus/core/rollout';
import { SILENT_AFTER_MS } from '../model/instances.ts';
import type { EventCheck } from './invariant.ts';

const OVER = ['completed', 'skipped', 'rolled-back'];

/** A step begins when all that it waits for is over: the steps before it, those it needs, and the phases its own needs. */
const keepsOrder: EventCheck = ({ event, before }) => {
  if (event.type === 'phase.started') {
    const phase = before.plan.phases.find(({ name }) => name === event.phase);
    const open = phase?.needs.find((name) => before.phases[name]?.status !== 'completed');
    return open === undefined ? null : `phase ${event.phase} begins before ${open} is completed`;
  }
  if (event.type !== 'step.started') return null;
  const open = waitedFor(before.plan, event.stepId).find((id) => !OVER.includes(before.steps[id]?.status ?? ''));
  return open === undefined ? null : `${event.stepId} begins before ${open} is over`;
};

function waitedFor(plan: Plan, stepId: string): readonly string[] {
  const phase = plan.phases.find(({ steps }) => steps.some(({ id }) => id === stepId));
  const index = phase?.steps.findIndex(({ id }) => id === stepId) ?? 0;
  const step = phase?.steps[index];
  return [...(phase?.steps.slice(0, index) ?? []).map(({ id }) => id), ...(step?.needs ?? [])];
}

/** A question ends with everybody's yes, and with nothing else. */
const asksEverybody: EventCheck = ({ event, history, before }) => {
  if (event.type !== 'step.completed') return null;
  const step = before.plan.phases.flatMap(({ steps }) => steps).find(({ id }) => id === event.stepId);
  if (step?.kind !== 'approve' || history.hasAgreed(step.id, step.by, 0)) return null;
  return `${step.id} is completed without its approvals`;
};

/** An effect is asked for once under one id, and its outcome counts once. */
const countsOnce: EventCheck = ({ event, history }) => {
  if (event.type === 'effect.requested') {
    return history.requestedEffects.has(event.effect.id) ? `${event.effect.id} is asked for twice` : null;
  }
  if (event.type !== 'effect.finished') return null;
  if (!history.requestedEffects.has(event.effectId)) return `${event.effectId} ends and was never asked for`;
  return history.finishedEffects.has(event.effectId) ? `${event.effectId} counts twice` : null;
};

/** While the run is paused no work begins but what a person asks for, and what takes something back. */
const restsWhilePaused: EventCheck = ({ event, history, commit }) => {
  if (!history.isPaused) return null;
  const isRetry = commit.input?.kind === 'command' && commit.input.command.verb.verb === 'retry';
  const isWork = event.type === 'effect.requested' && event.effect.purpose.kind === 'step';
  const isBegun = event.type === 'step.started' || event.type === 'phase.started';
  return (isWork || isBegun) && !isRetry ? `${event.type} while the run is paused` : null;
};

const FORWARD = ['step', 'contingency'];

/** After its end a run does nothing any more but what a rollback or a freeze asks for, until somebody takes it up again. */
const restsAtEnd: EventCheck = ({ event, history }) => {
  if (!history.isOver) return null;
  if (event.type === 'step.started') return `${event.stepId} begins after the end`;
  if (event.type === 'flag.exposure-changed' && event.to > event.from) return `${event.flag} rises after the end`;
  if (event.type !== 'effect.requested' || !FORWARD.includes(event.effect.purpose.kind)) return null;
  return `${event.effect.id} is asked for after the end`;
};

/** A rollback is completed when every instance that is heard of really serves legacy, and all its steps are taken back. */
const endsRollbackTruly: EventCheck = ({ event, before, world }) => {
  if (event.type !== 'rollback.completed') return null;
  const rollback = before.rollbacks.find(({ id }) => id === event.rollbackId);
  const exposed = rollback?.flags.find((key) => before.flags[key]?.exposure !== 0);
  if (exposed !== undefined) return `${event.rollbackId} is completed while ${exposed} is exposed`;
  const behind = rollback?.flags.find((key) => isBehind(key, before, world));
  if (behind !== undefined) return `${event.rollbackId} is completed while an instance still serves ${behind}`;
  const left = rollback?.steps.find((id) => undoable(before.plan, id) && !isUndone(rollback, id));
  return left === undefined ? null : `${event.rollbackId} is completed and ${left} was not taken back`;
};

/** An instance that was silent just now may have come back since it was asked. */
function isBehind(flag: string, state: RolloutState, world: Parameters<EventCheck>[0]['world']): boolean {
  const { instances, time } = world;
  const wanted = state.flags[flag]?.changedAtRevision ?? 0;
  return Array.from({ length: instances.count }, (_, index) => index).some(
    (index) =>
      instances.silentSince(index, time.now) === null &&
      instances.silentSince(index, time.now - SILENT_AFTER_MS) === null &&
      instances.servedRevision(index, flag) < wanted,
  );
}

function isUndone({ parts }: RollbackState, stepId: string): boolean {
  return parts.some(({ kind, name, status }) => kind === 'undo' && name === stepId && status !== 'failed');
}

function undoable(plan: Plan, stepId: string): boolean {
  const isIt = ({ id }: Step): boolean => id === stepId;
  return plan.phases.some(({ steps }) => (steps.find(isIt)?.undo ?? null) !== null);
}

export const PROGRESS_CHECKS: Readonly<Record<string, EventCheck>> = {
  order: keepsOrder,
  'asks-everybody': asksEverybody,
  'counts-once': countsOnce,
  'rests-while-paused': restsWhilePaused,
  'rests-at-end': restsAtEnd,
  'rollback-truly-ended': endsRollbackTruly,
};
