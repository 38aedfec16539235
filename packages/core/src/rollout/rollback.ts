import type { Evidence, RollbackScope } from '../health/index.ts';
import type { Step } from '../plan/index.ts';
import { type Draft, requestEffect } from './draft.ts';
import { type Actor, ENGINE } from './event.ts';
import { indexOf, withDependents } from './plan-index.ts';
import { commandRequest } from './start-step.ts';
import type { RollbackState, RolloutState } from './state.ts';

/** An immediate rollback is to be done within this, unless the step states a budget of its own [CV-10]. */
export const IMMEDIATE_BUDGET_MS = 120_000;

/** A graceful one within its descent and this much more for verification [CV-10]. */
export const GRACEFUL_EXTRA_BUDGET_MS = 300_000;

/** A graceful descent reaches zero in so many equal steps. */
const DESCENT_STEPS = 5;

export interface RollbackRequest {
  readonly scope: RollbackScope;
  /** The flag, phase or plan. */
  readonly target: string;
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
  draft.emit(
    {
      type: 'rollback.initiated',
      rollbackId,
      scope: request.scope,
      target: request.target,
      overMs: request.overMs,
      flags,
      steps,
      budgetMs,
      evidence: request.evidence,
    },
    reason,
    actor,
  );
}

/** Carries every running rollback as far as it can go now. Works in every status of the run, paused included. */
export function continueRollbacks(draft: Draft): void {
  for (const { id } of draft.state.rollbacks) {
    const rollback = (): RollbackState | undefined => draft.state.rollbacks.find((known) => known.id === id);
    if (rollback()?.status === 'running') continueRollback(draft, id, rollback);
  }
}

function continueRollback(draft: Draft, id: string, current: () => RollbackState | undefined): void {
  const rollback = current();
  if (rollback === undefined) return;
  const down = descend(draft, rollback);
  if (rollback.failure !== null) return fail(draft, rollback, rollback.failure);
  if (!down || stepsBusy(draft.state, rollback)) return;
  const next = rollback.steps.find((stepId) => !rollback.undone.includes(stepId) && undoOf(draft.state, stepId));
  if (next !== undefined) return requestUndo(draft, id, next);
  const probes = probesOf(draft.state, rollback);
  const index = rollback.verified.length;
  const probe = probes[index];
  if (probe !== undefined) {
    const reason = `verify that ${rollback.target} is back on legacy`;
    const purpose = { kind: 'verify', rollbackId: id } as const;
    requestEffect(draft, `${id}/verify/${index + 1}`, { kind: 'probe', probe }, purpose, { reason });
    return;
  }
  complete(draft, rollback);
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
  return rollback.flags.every((key) => {
    const flag = draft.state.flags[key];
    return flag === undefined || (flag.exposure === 0 && flag.confirmed);
  });
}

/** The exposure a descending flag has at a moment: equal steps, the first at once, zero when the time is over. */
export function descentTarget(rollback: RollbackState, flag: string, now: number): number {
  if (rollback.overMs === 0) return 0;
  const from = rollback.from[flag] ?? 0;
  const stepMs = rollback.overMs / (DESCENT_STEPS - 1);
  const taken = Math.min(DESCENT_STEPS, 1 + Math.floor(Math.max(0, now - rollback.initiatedAt) / stepMs));
  return Math.floor((from * (DESCENT_STEPS - taken)) / DESCENT_STEPS);
}

/** When the next step of the descent is due; null when it is down. */
export function nextDescentAt(rollback: RollbackState, now: number): number | null {
  if (rollback.status !== 'running' || rollback.overMs === 0) return null;
  const stepMs = rollback.overMs / (DESCENT_STEPS - 1);
  const elapsed = Math.max(0, now - rollback.initiatedAt);
  if (elapsed >= rollback.overMs) return null;
  return rollback.initiatedAt + Math.ceil((Math.floor(elapsed / stepMs) + 1) * stepMs);
}

/** A command that is still running is waited for: taking back what is being done would race with it. */
function stepsBusy(state: RolloutState, rollback: RollbackState): boolean {
  return Object.values(state.effects).some(
    ({ purpose, request }) =>
      purpose.kind === 'step' && request.kind === 'command' && rollback.steps.includes(purpose.stepId),
  );
}

function requestUndo(draft: Draft, rollbackId: string, stepId: string): void {
  const undo = undoOf(draft.state, stepId);
  if (undo === null) return;
  const id = `${rollbackId}/undo/${stepId}`;
  const purpose = { kind: 'undo', rollbackId, stepId } as const;
  requestEffect(draft, id, commandRequest(draft.state, undo), purpose, { reason: `take back ${stepId}` });
}

function complete(draft: Draft, rollback: RollbackState): void {
  const durationMs = draft.now - rollback.initiatedAt;
  markSteps(draft, rollback);
  const confirmed = rollback.flags.map((key) => `${key}: every instance serves legacy`);
  const undone = rollback.undone.map((stepId) => `${stepId}: taken back`);
  draft.emit(
    {
      type: 'rollback.completed',
      rollbackId: rollback.id,
      durationMs,
      withinBudget: durationMs <= rollback.budgetMs,
      verification: [...confirmed, ...undone, ...rollback.verified],
    },
    `${rollback.scope} ${rollback.target} is back on legacy`,
  );
}

function fail(draft: Draft, rollback: RollbackState, failure: string): void {
  const durationMs = draft.now - rollback.initiatedAt;
  const atLegacy = rollback.flags.filter((key) => draft.state.flags[key]?.exposure === 0);
  const standing = [
    `failed at ${failure}`,
    `on legacy: ${atLegacy.join(', ') || 'none'}`,
    `taken back: ${rollback.undone.join(', ') || 'none'}`,
  ].join('; ');
  for (const key of rollback.flags) {
    const flag = draft.state.flags[key];
    if (flag === undefined || flag.exposure === 0) continue;
    draft.emit(
      { type: 'flag.exposure-changed', flag: key, from: flag.exposure, to: 0, stage: null },
      'the rollback failed: everybody goes to legacy at once',
    );
  }
  markSteps(draft, rollback);
  draft.emit({ type: 'rollback.failed', rollbackId: rollback.id, durationMs, standing }, standing);
  if (draft.state.status === 'running') {
    draft.emit({ type: 'run.paused' }, `${rollback.id} failed: a person has to look before anything else moves`);
  }
}

/** Ramps and undone steps of the rollback are no longer done. */
function markSteps(draft: Draft, rollback: RollbackState): void {
  for (const stepId of rollback.steps) {
    const status = draft.state.steps[stepId]?.status;
    if (status !== 'running' && status !== 'completed') continue;
    draft.emit({ type: 'step.rolled-back', stepId, rollbackId: rollback.id }, rollback.reason);
  }
}

function flagsInScope(state: RolloutState, { scope, target }: RollbackRequest): readonly string[] {
  const named = scope === 'flag' ? [target] : rampedIn(state, scope === 'phase' ? target : null);
  return withDependents(state.plan, named).filter((key) => key === target || isExposed(state, key));
}

/** The flags ramped in a phase, or in all of them, the last ramped first. */
function rampedIn(state: RolloutState, phaseName: string | null): readonly string[] {
  return state.plan.phases
    .filter(({ name }) => phaseName === null || name === phaseName)
    .flatMap(({ steps }) => steps)
    .flatMap((step) => (step.kind === 'ramp' ? [step.flag] : []))
    .reverse();
}

function isExposed(state: RolloutState, key: string): boolean {
  const flag = state.flags[key];
  return flag !== undefined && (flag.exposure > 0 || flag.status === 'ramping');
}

function stepsInScope(state: RolloutState, request: RollbackRequest, flags: readonly string[]): readonly string[] {
  const begun = state.plan.phases
    .filter(({ name }) => request.scope !== 'phase' || name === request.target)
    .flatMap(({ steps }) => steps)
    .filter((step) => isBegun(state, step.id));
  const ramps = flags
    .flatMap((key) => indexOf(state.plan).rampOf.get(key)?.id ?? [])
    .filter((id) => isBegun(state, id));
  const own = request.scope === 'flag' ? [] : begun.map(({ id }) => id);
  const underWay = new Set(state.rollbacks.flatMap(({ status, steps }) => (status === 'running' ? steps : [])));
  const all = new Set([...own, ...ramps, ...leftByFailed(state, request)]);
  return [...all].filter((id) => !underWay.has(id)).sort(lastStartedFirst(state));
}

/** What the last rollback of the same scope could not take back, so that asking again tries again. */
function leftByFailed(state: RolloutState, { scope, target }: RollbackRequest): readonly string[] {
  const last = state.rollbacks.findLast((known) => known.scope === scope && known.target === target);
  if (last?.status !== 'failed') return [];
  return last.steps.filter((id) => undoOf(state, id) !== null && !last.undone.includes(id));
}

function lastStartedFirst(state: RolloutState): (left: string, right: string) => number {
  const order = [...indexOf(state.plan).steps.keys()];
  return (left, right) =>
    (state.steps[right]?.startedAt ?? 0) - (state.steps[left]?.startedAt ?? 0) ||
    order.indexOf(right) - order.indexOf(left);
}

function isBegun(state: RolloutState, stepId: string): boolean {
  const status = state.steps[stepId]?.status;
  return status === 'running' || status === 'completed';
}

/** The command that takes a step back. A step that never did anything has nothing to take back. */
function undoOf(state: RolloutState, stepId: string): Step['undo'] {
  return indexOf(state.plan).steps.get(stepId)?.undo ?? null;
}

function probesOf(state: RolloutState, rollback: RollbackState) {
  return rollback.flags.flatMap((key) => indexOf(state.plan).rampOf.get(key)?.verify ?? []);
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

function budgetOf(state: RolloutState, request: RollbackRequest, steps: readonly string[]): number {
  const ramp = request.scope === 'flag' ? indexOf(state.plan).rampOf.get(request.target) : undefined;
  if (ramp !== undefined && ramp.budgetMs !== null) return ramp.budgetMs;
  const undoBudgets = steps.reduce((sum, id) => sum + (indexOf(state.plan).steps.get(id)?.budgetMs ?? 0), 0);
  const base = request.overMs === 0 ? IMMEDIATE_BUDGET_MS : request.overMs + GRACEFUL_EXTRA_BUDGET_MS;
  return Math.max(base, undoBudgets);
}
