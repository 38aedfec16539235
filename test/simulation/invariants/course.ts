import type { Step } from '@theseus/core/plan';
import type { RolloutState } from '@theseus/core/rollout';
import { openedAt } from '@theseus/core/time';
import { rampOf, runningIn } from './history.ts';
import type { EventCheck } from './invariant.ts';

function stepOf({ plan }: RolloutState, stepId: string): Step | undefined {
  return plan.phases.flatMap(({ steps }) => steps).find(({ id }) => id === stepId);
}

/** A step that the timeline gives a moment does not begin before it. */
const keepsMoment: EventCheck = ({ event, before }) => {
  if (event.type !== 'step.started') return null;
  const notBefore = stepOf(before, event.stepId)?.notBefore ?? null;
  return notBefore === null || event.at >= notBefore
    ? null
    : `${event.stepId} begins ${notBefore - event.at} ms before its moment`;
};

/** Where the pace is one per window, each opening brings one exposure at most; people may go faster. */
const keepsPace: EventCheck = ({ event, before, history }) => {
  if (event.type !== 'flag.exposure-changed' || event.to <= event.from || event.actor.kind === 'person') return null;
  const ramp = rampOf(before.plan, event.flag, runningIn(before));
  const last = history.risenAt.get(event.flag);
  if (ramp?.oncePerWindow !== true || last === undefined || ramp.move !== undefined) return null;
  const opened = openedAt(ramp.windows, event.at);
  return opened === null || opened > last ? null : `${event.flag} rises twice in one window`;
};

/** By itself a contingency acts once, or again after its time. */
const keepsCooldown: EventCheck = ({ event, before, history }) => {
  if (event.type !== 'contingency.fired' || event.actor.kind === 'person') return null;
  const last = history.firedAt.get(event.name);
  if (last === undefined) return null;
  const cooldownMs = before.plan.contingencies[event.name]?.cooldownMs ?? null;
  if (cooldownMs === null) return `${event.name} acts again by itself`;
  return event.at - last >= cooldownMs ? null : `${event.name} acts again after ${event.at - last} ms`;
};

/** What takes steps back goes one by one, the last begun first, and stops where a step could not be taken back. */
const takesBackInOrder: EventCheck = ({ event, before }) => {
  if (event.type !== 'effect.requested' || event.effect.purpose.kind !== 'undo') return null;
  const { rollbackId, stepId } = event.effect.purpose;
  const rollback = before.rollbacks.find(({ id }) => id === rollbackId);
  if (rollback === undefined) return `${event.effect.id} belongs to no rollback`;
  const failed = rollback.parts.find(({ status }) => status === 'failed');
  if (failed !== undefined) return `${stepId} is taken back after ${failed.name} could not be`;
  const other = Object.values(before.effects).find(
    ({ purpose }) => 'rollbackId' in purpose && purpose.rollbackId === rollbackId && purpose.kind !== 'escalate',
  );
  if (other !== undefined) return `${stepId} is taken back while ${other.id} is under way`;
  const later = rollback.parts.find(
    ({ kind, name }) => kind === 'undo' && startOf(before, name) < startOf(before, stepId),
  );
  return later === undefined ? null : `${stepId} is taken back after ${later.name}, which began before it`;
};

function startOf({ steps }: RolloutState, stepId: string): number {
  return steps[stepId]?.startedAt ?? 0;
}

export const COURSE_CHECKS: Readonly<Record<string, EventCheck>> = {
  moment: keepsMoment,
  pace: keepsPace,
  'cool-down': keepsCooldown,
  'undo-order': takesBackInOrder,
};
