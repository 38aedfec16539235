import { isLive } from '../flag/index.ts';
import type { Evidence } from '../health/index.ts';
import { type Draft, requestEffect } from './draft.ts';
import { type Actor, ENGINE } from './event.ts';
import { lowestStage, rampUnderWay, stageBefore, stageOf } from './migration-stage.ts';
import { indexOf, type RampStep, rampsOf } from './plan-index.ts';
import { takeBackRetirements } from './retirement.ts';
import { continueParts, endPart, troubleOf } from './rollback-parts.ts';
import {
  flagsInScope,
  isExposed,
  isNamedOnly,
  type ScopeOfRollback,
  stageAfterRollback,
  stepsInScope,
  undoneBy,
} from './rollback-scope.ts';
import { followUpRequest } from './start-step.ts';
import type { RollbackState, RolloutState } from './state.ts';

/** An immediate rollback is to be done within this, unless the step states a budget of its own [CV-10]. */
export const IMMEDIATE_BUDGET_MS = 120_000;

/** A graceful one within its descent and this much more for verification [CV-10]. */
export const GRACEFUL_EXTRA_BUDGET_MS = 300_000;

/** A graceful descent reaches zero in so many equal steps. */
const DESCENT_STEPS = 5;

export interface RollbackRequest extends ScopeOfRollback {
  readonly overMs: number;
  readonly evidence: Evidence | null;
}

/** Begins a rollback, or does nothing when all that it would take back is already being taken back as fast. */
export function initiateRollback(draft: Draft, request: RollbackRequest, reason: string, actor: Actor = ENGINE): void {
  const flags = flagsInScope(draft.state, request);
  const steps = stepsInScope(draft.state, request, flags);
  if (isCovered(draft.state, request, flags, steps)) return;
  const rollbackId = `rollback-${draft.state.rollbacks.length + 1}`;
  const budgetMs = budgetOf(draft.state, request, steps);
  const { scope, target, overMs, evidence } = request;
  const named = flags.filter((key) => draft.state.flags[key] !== undefined && isNamedOnly(draft.state.flags[key]));
  takeBackRetirements(draft, { flags, steps }, actor);
  draft.emit(
    { type: 'rollback.initiated', rollbackId, scope, target, overMs, flags, steps, budgetMs, evidence },
    reason,
    actor,
  );
  const switchedOff = steps.flatMap((id) => {
    const step = indexOf(draft.state.plan).steps.get(id);
    return step?.kind === 'fallback-off' ? step.flag : [];
  });
  restoreFallback(draft, new Set([...flags, ...switchedOff]), reason, actor);
  // Their share is none already, but every instance has to hear and to confirm that the named are taken back as well.
  for (const flag of named) draft.emit({ type: 'flag.exposure-changed', flag, from: 0, to: 0, stage: null }, reason);
}

/** Before anybody moves: whoever is still on the candidate is answered by legacy again where that fails. */
export function restoreFallback(draft: Draft, flags: Iterable<string>, reason: string, actor: Actor): void {
  for (const flag of flags) {
    if (!draft.state.flags[flag]?.fallbackOff) continue;
    draft.emit({ type: 'flag.fallback-changed', flag, fallback: true }, reason, actor);
  }
}

/** Carries every running rollback as far as it can go now. Works in every status of the run, paused included. */
export function continueRollbacks(draft: Draft): void {
  for (const { id } of draft.state.rollbacks) {
    const known = draft.state.rollbacks.find((rollback) => rollback.id === id);
    if (known?.status === 'running') continueRollback(draft, known);
  }
}

function continueRollback(draft: Draft, started: RollbackState): void {
  const current = (): RollbackState => draft.state.rollbacks.find(({ id }) => id === started.id) ?? started;
  tellOverrun(draft, started);
  const isDown = descend(draft, started);
  if (current().failure !== null) return fail(draft, current());
  if (!isDown || stepsBusy(draft.state, started) || isAtWork(draft.state, started)) return;
  if (!current().parts.some(({ kind }) => kind === 'exposure')) endExposure(draft, current());
  if (continueParts(draft, current)) complete(draft, current());
  else if (current().failure !== null) fail(draft, current());
}

function endExposure(draft: Draft, rollback: RollbackState): void {
  const isEmpty = rollback.flags.length === 0;
  const text = isEmpty ? 'no flag had to move' : rollback.flags.map((key) => servedText(draft.state, key)).join(', ');
  endPart(draft, rollback, { kind: 'exposure', name: 'exposure', status: 'done', budgetMs: rollback.budgetMs, text });
}

/** Takes exposure down to where it should be by now. True once every flag is at zero and every instance serves it. */
function descend(draft: Draft, rollback: RollbackState): boolean {
  for (const key of rollback.flags) {
    const flag = draft.state.flags[key];
    if (flag === undefined) continue;
    const target = descentTarget(rollback, key, draft.now);
    if (flag.exposure <= target) continue;
    draft.emit(
      { type: 'flag.exposure-changed', flag: key, from: flag.exposure, to: target, stage: null },
      rollback.reason,
    );
  }
  for (const key of rollback.flags) stepBackStages(draft, rollback, key);
  return rollback.flags.every((key) => {
    const flag = draft.state.flags[key];
    return flag === undefined || (flag.exposure === 0 && flag.confirmed);
  });
}

/**
 * Takes a migration back once nobody is exposed to its next stage. From where the candidate answers to where legacy does it
 * goes at once, since both are written at all of these stages; every other stage is left only when all instances serve it.
 */
function stepBackStages(draft: Draft, rollback: RollbackState, key: string): void {
  const flag = draft.state.flags[key];
  const from = stageOf(draft.state, key);
  const target = stageAfterRollback(draft.state, key, rollback.steps);
  if (flag === undefined || from === undefined || target === undefined || flag.exposure > 0 || from === target) return;
  const isUrgent = isLive(from) && !isLive(target);
  if (!isUrgent && !flag.confirmed) return;
  const to = isUrgent ? stageBefore('live') : stageBefore(from);
  draft.emit({ type: 'flag.stage-changed', flag: key, from, to }, rollback.reason);
}

/** Everybody to legacy at once: also from a stage at which the candidate answers, unless legacy has missed writes. */
export function sendToLegacy(draft: Draft, key: string, reason: string, actor: Actor = ENGINE): void {
  const flag = draft.state.flags[key];
  if (flag === undefined) return;
  // Those who are named are served at 0 % as well, until the run has ended.
  if (flag.exposure > 0 || (isNamedOnly(flag) && draft.state.status !== 'finished')) {
    const down = { type: 'flag.exposure-changed', flag: key, from: flag.exposure, to: 0, stage: null } as const;
    draft.emit(down, reason, actor);
  }
  const from = stageOf(draft.state, key);
  if (from === undefined || !isLive(from) || isLive(lowestStage(flag))) return;
  draft.emit({ type: 'flag.stage-changed', flag: key, from, to: stageBefore('live') }, reason, actor);
}

/** What every instance serves after a rollback. */
function servedText(state: RolloutState, key: string): string {
  const stage = stageOf(state, key);
  if (stage === undefined) return `${key}: every instance serves legacy`;
  const why = state.flags[key]?.hasLeftLegacy ? ', since legacy has missed writes' : '';
  return `${key}: every instance is at stage ${stage}${why}`;
}

/** The exposure a descending flag has at a moment: equal steps, the first at once, zero when the time is over. */
export function descentTarget(rollback: RollbackState, flag: string, now: number): number {
  if (rollback.overMs === 0) return 0;
  const from = rollback.from[flag] ?? 0;
  const stepMs = rollback.overMs / (DESCENT_STEPS - 1);
  const taken = Math.min(DESCENT_STEPS, 1 + Math.floor(Math.max(0, now - rollback.initiatedAt) / stepMs));
  return Math.floor((from * (DESCENT_STEPS - taken)) / DESCENT_STEPS);
}

/** When time alone moves a rollback next: a step of its descent, or the end of its budget; null when neither is to come. */
export function nextRollbackMoment(state: RolloutState, rollback: RollbackState): number | null {
  if (rollback.status !== 'running') return null;
  const moments: number[] = [];
  const descent = nextDescent(state, rollback);
  if (descent !== null) moments.push(descent);
  if (!rollback.overran) moments.push(rollback.initiatedAt + rollback.budgetMs);
  return moments.length === 0 ? null : Math.min(...moments);
}

/** The moment of the first step of the descent that some flag has not taken; in the past where it is overdue. */
function nextDescent(state: RolloutState, rollback: RollbackState): number | null {
  const stepMs = rollback.overMs / (DESCENT_STEPS - 1);
  for (let step = 0; step < DESCENT_STEPS; step += 1) {
    const at = Math.ceil(rollback.initiatedAt + step * stepMs);
    const isAhead = rollback.flags.some((key) => (state.flags[key]?.exposure ?? 0) > descentTarget(rollback, key, at));
    if (isAhead) return at;
  }
  return null;
}

/** A command that is still running is waited for: taking back what is being done would race with it. */
function stepsBusy(state: RolloutState, rollback: RollbackState): boolean {
  return Object.values(state.effects).some(
    ({ purpose, request }) =>
      purpose.kind === 'step' && request.kind === 'command' && rollback.steps.includes(purpose.stepId),
  );
}

/** Whether a part of the rollback is under way. */
function isAtWork(state: RolloutState, { id }: RollbackState): boolean {
  return Object.values(state.effects).some(
    ({ purpose }) => 'rollbackId' in purpose && purpose.kind !== 'escalate' && purpose.rollbackId === id,
  );
}

function tellOverrun(draft: Draft, rollback: RollbackState): void {
  if (rollback.overran || draft.now < rollback.initiatedAt + rollback.budgetMs) return;
  const reason = `${rollback.id} is not done within its budget`;
  draft.emit({ type: 'rollback.overran', rollbackId: rollback.id, budgetMs: rollback.budgetMs }, reason);
  escalate(draft, rollback, 'overran');
}

function escalate(draft: Draft, rollback: RollbackState, what: 'overran' | 'failed'): void {
  const to = draft.state.plan.rollback.escalate;
  if (to === null) return;
  const request = followUpRequest(draft.state, { kind: 'notify', ...to }, troubleOf(rollback));
  const purpose = { kind: 'escalate', rollbackId: rollback.id } as const;
  requestEffect(draft, `${rollback.id}/escalate/${what}`, request, purpose, { reason: `the rollback ${what}` });
}

function complete(draft: Draft, rollback: RollbackState): void {
  const durationMs = draft.now - rollback.initiatedAt;
  markSteps(draft, rollback);
  draft.emit(
    {
      type: 'rollback.completed',
      rollbackId: rollback.id,
      durationMs,
      withinBudget: durationMs <= rollback.budgetMs,
      verification: verificationOf(draft.state, rollback),
    },
    `${rollback.scope} ${rollback.target} is back on legacy`,
  );
}

/** What was proven, one line each. */
function verificationOf(state: RolloutState, { flags, parts }: RollbackState): readonly string[] {
  const confirmed = flags.map((key) => servedText(state, key));
  const proven = parts.flatMap(({ kind, name, status, text }) => {
    if (kind === 'undo') return [status === 'done' ? `${name}: taken back` : `${name}: ${text}`];
    return kind === 'exposure' ? [] : [text];
  });
  return [...confirmed, ...proven];
}

function fail(draft: Draft, rollback: RollbackState): void {
  for (const key of rollback.flags) {
    sendToLegacy(draft, key, 'the rollback failed: everybody goes to legacy at once');
  }
  endFailed(draft, rollback, rollback.failure ?? 'unknown');
  escalate(draft, rollback, 'failed');
  if (draft.state.status === 'running') {
    const reason = `${rollback.id} failed: a person has to look before anything else moves`;
    draft.emit({ type: 'run.paused', scope: 'run' }, reason);
  }
}

/** Records that a rollback ends without having taken everything back, and where it stands. */
export function endFailed(draft: Draft, rollback: RollbackState, failure: string, actor: Actor = ENGINE): void {
  const undone = undoneBy(rollback);
  const left = rollback.steps.filter((id) => indexOf(draft.state.plan).steps.get(id)?.undo && !undone.has(id));
  const standing = [
    `failed at ${failure}`,
    `on legacy: ${rollback.flags.filter((key) => draft.state.flags[key]?.exposure === 0).join(', ') || 'none'}`,
    `taken back: ${[...undone].join(', ') || 'none'}`,
    ...(left.length === 0 ? [] : [`not taken back: ${left.join(', ')}`]),
  ].join('; ');
  markSteps(draft, rollback);
  const durationMs = draft.now - rollback.initiatedAt;
  const isPartial = rollback.parts.some(({ status }) => status === 'done');
  const outcome = isPartial ? 'partial' : 'failed';
  draft.emit({ type: 'rollback.failed', rollbackId: rollback.id, durationMs, outcome, standing }, standing, actor);
}

/** Steps of the rollback are no longer done; of each that should have been taken back and was not, it is said so. */
function markSteps(draft: Draft, rollback: RollbackState): void {
  const undone = undoneBy(rollback);
  for (const stepId of rollback.steps) {
    const status = draft.state.steps[stepId]?.status;
    if (status !== 'running' && status !== 'completed') continue;
    const isLeft = (indexOf(draft.state.plan).steps.get(stepId)?.undo ?? null) !== null && !undone.has(stepId);
    const reason = isLeft ? `it could not be taken back: ${rollback.reason}` : rollback.reason;
    draft.emit({ type: 'step.rolled-back', stepId, rollbackId: rollback.id }, reason);
  }
}

/** A rollback under way covers a new one when it takes back all of it and is no slower. */
function isCovered(
  state: RolloutState,
  request: RollbackRequest,
  flags: readonly string[],
  steps: readonly string[],
): boolean {
  const nothing = flags.every((key) => !isExposed(state, key)) && steps.length === 0;
  const covered = state.rollbacks.some(
    (known) =>
      known.status === 'running' &&
      known.overMs <= request.overMs &&
      flags.every((key) => known.flags.includes(key)) &&
      steps.every((id) => known.steps.includes(id)),
  );
  return nothing || covered;
}

/** The ramp whose budget a rollback of the flag has. */
function rampTakenBack(state: RolloutState, flag: string): RampStep | undefined {
  return (
    rampUnderWay(state, flag) ?? rampsOf(state.plan, flag).findLast(({ id }) => state.steps[id]?.status === 'completed')
  );
}

function budgetOf(state: RolloutState, request: RollbackRequest, steps: readonly string[]): number {
  const ramp = request.scope === 'flag' ? rampTakenBack(state, request.target) : undefined;
  if (ramp !== undefined && ramp.budgetMs !== null) return ramp.budgetMs;
  const undoBudgets = steps.reduce((sum, id) => sum + (indexOf(state.plan).steps.get(id)?.budgetMs ?? 0), 0);
  const base = request.overMs === 0 ? IMMEDIATE_BUDGET_MS : request.overMs + GRACEFUL_EXTRA_BUDGET_MS;
  return Math.max(base, undoBudgets);
}
