import type { ErrorCode } from '../error.ts';
import type { Step } from '../plan/index.ts';
import type { Draft } from './draft.ts';
import type { Command, Verb } from './input.ts';
import { indexOf } from './plan-index.ts';
import { describeApprovers, mayApprove } from './quorum.ts';
import { promoteRamp } from './ramp.ts';
import { initiateRollback } from './rollback.ts';
import { startStep } from './start-step.ts';
import type { HoldReason, RolloutState, StepState } from './state.ts';

/** Why a command is not carried out. Nothing was changed. */
export interface Refusal {
  readonly code: Extract<ErrorCode, 'invalid-state' | 'stale-revision' | 'forbidden' | 'not-found'>;
  readonly message: string;
}

const RETRYABLE: readonly HoldReason[] = [
  'check-failed',
  'command-failed',
  'outcome-unknown',
  'baseline-failed',
  'timed-out',
];

/** What can be refused without looking at the verb's details. Rollback and abort are never too late. */
export function commandRefusal(state: RolloutState, command: Command): Refusal | null {
  const { verb } = command.verb;
  if (verb === 'rollback' || verb === 'abort') return null;
  if (command.expectedRevision !== undefined && command.expectedRevision !== state.revision) {
    const message = `${verb} was aimed at revision ${command.expectedRevision}, the run is at ${state.revision} by now`;
    return { code: 'stale-revision', message: `${message}: look again and repeat it` };
  }
  if (state.status === 'finished') return invalid(`cannot ${verb}: the run has ended (${state.outcome})`);
  return null;
}

/** Carries out a command, or says why it cannot be. A command whose aim is reached already changes nothing. */
export function obey(draft: Draft, command: Command): Refusal | null {
  const { verb } = command;
  switch (verb.verb) {
    case 'pause':
      if (draft.state.status === 'running') draft.emit({ type: 'run.paused' }, command.reason, command.actor);
      return null;
    case 'resume':
      return resume(draft, command);
    case 'approve':
      return approve(draft, verb, command);
    case 'reject':
      return reject(draft, verb, command);
    case 'promote':
      return promote(draft, verb, command);
    case 'retry':
      return retry(draft, verb, command);
    case 'rollback':
      return rollback(draft, verb, command);
    case 'abort':
      return abort(draft, command);
  }
}

function resume(draft: Draft, command: Command): null {
  if (draft.state.status !== 'paused') return null;
  const pausedMs = draft.now - (draft.state.pausedAt ?? draft.now);
  draft.emit({ type: 'run.resumed', pausedMs }, command.reason, command.actor);
  return null;
}

function approve(draft: Draft, verb: Extract<Verb, { verb: 'approve' }>, command: Command): Refusal | null {
  const asked = theStep(draft.state, verb.stepId, ({ approval }) => approval !== null, 'waits for approval');
  if ('code' in asked) return asked;
  const { approval } = asked;
  if (approval === null) return invalid(`${asked.id} does not wait for approval`);
  const person = command.actor.name;
  if (!mayApprove(approval.by, person, draft.state.plan.people)) {
    return {
      code: 'forbidden',
      message: `${person} is not asked: ${asked.id} wants ${describeApprovers(approval.by)}`,
    };
  }
  if (approval.given.some((given) => given.person === person) && asked.hold?.reason !== 'rejected') return null;
  const given = { type: 'approval.given', stepId: asked.id, approvalId: approval.id, person } as const;
  draft.emit(given, command.reason, command.actor);
  return null;
}

function reject(draft: Draft, verb: Extract<Verb, { verb: 'reject' }>, command: Command): Refusal | null {
  const asked = theStep(draft.state, verb.stepId, ({ approval }) => approval !== null, 'waits for approval');
  if ('code' in asked) return asked;
  const { approval } = asked;
  if (approval === null) return invalid(`${asked.id} does not wait for approval`);
  const person = command.actor.name;
  if (!mayApprove(approval.by, person, draft.state.plan.people)) {
    return {
      code: 'forbidden',
      message: `${person} is not asked: ${asked.id} wants ${describeApprovers(approval.by)}`,
    };
  }
  if (asked.hold?.reason === 'rejected') return null;
  const rejected = { type: 'approval.rejected', stepId: asked.id, approvalId: approval.id, person } as const;
  draft.emit(rejected, command.reason, command.actor);
  const text = `${person} rejected it: ${command.reason}`;
  draft.emit({ type: 'step.held', stepId: asked.id, hold: 'rejected', evidence: null }, text, command.actor);
  return null;
}

function promote(draft: Draft, verb: Extract<Verb, { verb: 'promote' }>, command: Command): Refusal | null {
  if (draft.state.status === 'paused') return invalid('cannot promote: the run is paused; resume it first');
  const running = theStep(draft.state, verb.stepId, ({ status }) => status === 'running', 'is running');
  if ('code' in running) return running;
  const step = indexOf(draft.state.plan).steps.get(running.id);
  if (step === undefined || running.status !== 'running') return invalid(`${running.id} is not running`);
  if (isUnderRollback(draft.state, running.id)) return invalid(`${running.id} is being rolled back`);
  if (step.kind === 'ramp') {
    if (running.stage === -1) return invalid(`${running.id} has not begun: it waits for approval or its window`);
    promoteRamp(draft, step, command.actor, command.reason);
    return null;
  }
  return promoteOther(draft, step, running, command);
}

/** Accepts a step as done. Approvals are given, not promoted; work that is still under way is waited for. */
function promoteOther(draft: Draft, step: Step, running: StepState, command: Command): Refusal | null {
  if (step.kind === 'approve') return invalid(`${step.id} wants an approval; promote does not replace it`);
  const busy = Object.values(draft.state.effects).some(
    ({ purpose }) => purpose.kind === 'step' && purpose.stepId === step.id,
  );
  if (busy) return invalid(`${step.id} is still at work`);
  if (running.hold !== null) draft.emit({ type: 'step.released', stepId: step.id }, command.reason, command.actor);
  draft.emit({ type: 'step.completed', stepId: step.id }, command.reason, command.actor);
  return null;
}

function retry(draft: Draft, verb: Extract<Verb, { verb: 'retry' }>, command: Command): Refusal | null {
  const isRetryable = (step: StepState) => step.hold !== null && RETRYABLE.includes(step.hold.reason);
  const held = theStep(draft.state, verb.stepId, isRetryable, 'can be retried');
  if ('code' in held) return held;
  const step = indexOf(draft.state.plan).steps.get(held.id);
  if (step === undefined || !isRetryable(held)) return invalid(`${held.id} is not held by a failure`);
  if (step.kind === 'ramp' || step.kind === 'approve' || step.kind === 'watch') {
    draft.emit({ type: 'step.released', stepId: step.id }, command.reason, command.actor);
    return null;
  }
  startStep(draft, step, command.reason);
  return null;
}

function rollback(draft: Draft, verb: Extract<Verb, { verb: 'rollback' }>, command: Command): Refusal | null {
  const target = verb.scope === 'plan' ? draft.state.plan.name : verb.target;
  const known = verb.scope === 'flag' ? draft.state.flags : draft.state.phases;
  if (target === undefined) return invalid(`which ${verb.scope} should be rolled back?`);
  if (verb.scope !== 'plan' && known[target] === undefined) {
    const names = Object.keys(known).join(', ');
    return { code: 'not-found', message: `there is no ${verb.scope} '${target}' in this run, there are: ${names}` };
  }
  const before = draft.events.length;
  const request = { scope: verb.scope, target, overMs: verb.overMs, evidence: null };
  initiateRollback(draft, request, command.reason, command.actor);
  const underWay = draft.state.rollbacks.some(({ status }) => status === 'running');
  if (draft.events.length > before || underWay) return null;
  return invalid(`nothing to roll back: ${verb.scope} ${target} is on legacy and has no step to take back`);
}

/** Everybody to legacy at once and nothing else any more: no undo, no message, no question. */
function abort(draft: Draft, command: Command): Refusal | null {
  for (const flag of Object.values(draft.state.flags)) {
    if (flag.exposure === 0) continue;
    const down = { type: 'flag.exposure-changed', flag: flag.key, from: flag.exposure, to: 0, stage: null } as const;
    draft.emit(down, command.reason, command.actor);
  }
  for (const { id, status, initiatedAt } of draft.state.rollbacks) {
    if (status !== 'running') continue;
    const standing = 'aborted by a person; everybody is on legacy, what was not taken back yet stays';
    draft.emit({ type: 'rollback.failed', rollbackId: id, durationMs: draft.now - initiatedAt, standing }, standing);
  }
  if (draft.state.outcome === 'aborted') return null;
  draft.emit({ type: 'run.finished', outcome: 'aborted' }, command.reason, command.actor);
  return null;
}

function isUnderRollback(state: RolloutState, stepId: string): boolean {
  return state.rollbacks.some(({ status, steps }) => status === 'running' && steps.includes(stepId));
}

/** The named step, or the only one that fits; otherwise a refusal that lists those that do. */
function theStep(
  state: RolloutState,
  stepId: string | undefined,
  fits: (step: StepState) => boolean,
  what: string,
): StepState | Refusal {
  const fitting = Object.values(state.steps).filter(fits);
  const names = fitting.map(({ id }) => id).join(', ') || 'none';
  if (stepId !== undefined) {
    const step = state.steps[stepId];
    if (step === undefined) {
      return { code: 'not-found', message: `there is no step '${stepId}' in this run; what ${what}: ${names}` };
    }
    return fits(step) ? step : invalid(`${stepId} is not one that ${what}; what ${what}: ${names}`);
  }
  const [only, ...others] = fitting;
  if (only === undefined) return invalid(`no step ${what}`);
  return others.length === 0 ? only : invalid(`name the step, more than one ${what}: ${names}`);
}

function invalid(message: string): Refusal {
  return { code: 'invalid-state', message };
}
