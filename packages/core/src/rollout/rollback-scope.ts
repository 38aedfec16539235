import { isLive, type MigrationStage } from '../flag/index.ts';
import type { RollbackScope } from '../health/index.ts';
import { isLaterStage, laterStage, lowestStage, stageOf } from './migration-stage.ts';
import { indexOf, type RampStep, rampsOf, withDependents } from './plan-index.ts';
import { retirementsOf } from './retirement.ts';
import type { FlagState, RollbackState, RolloutState } from './state.ts';

/** What is asked to be taken back. */
export interface ScopeOfRollback {
  readonly scope: RollbackScope;
  /** The flag, phase, point or plan. */
  readonly target: string;
}

/** The flags to take to legacy, dependents first. */
export function flagsInScope(state: RolloutState, { scope, target }: ScopeOfRollback): readonly string[] {
  const named = scope === 'flag' ? [target] : rampedIn(state, { scope, target });
  return withDependents(state.plan, named).filter(
    (key) => key === target || isExposed(state, key) || (named.includes(key) && hasStageToLeave(state, key)),
  );
}

/** The flags ramped by the steps in scope, the last ramped first. */
function rampedIn(state: RolloutState, scope: ScopeOfRollback): readonly string[] {
  return stepIdsWithin(state, scope)
    .flatMap((id) => {
      const step = indexOf(state.plan).steps.get(id);
      return step?.kind === 'ramp' ? [step.flag] : [];
    })
    .reverse();
}

/** Whether people may be on the candidate of the flag, or soon will be. */
export function isExposed(state: RolloutState, key: string): boolean {
  const flag = state.flags[key];
  if (flag === undefined) return false;
  return flag.exposure > 0 || flag.status === 'ramping' || isAnsweredByCandidate(state, flag);
}

/** Whether a ramp has begun at 0 %, so that only those who are named are on the candidate. */
export function isNamedOnly({ status, exposure }: FlagState): boolean {
  return status === 'ramping' && exposure === 0;
}

/** Whether a migration has come further than it must stay. */
function hasStageToLeave(state: RolloutState, key: string): boolean {
  const flag = state.flags[key];
  return flag !== undefined && isLaterStage(stageOf(state, key) ?? 'off', lowestStage(flag));
}

/** Whether the candidate answers everybody, and legacy could do so again. */
function isAnsweredByCandidate(state: RolloutState, flag: FlagState): boolean {
  return isLive(stageOf(state, flag.key) ?? 'off') && !isLive(lowestStage(flag));
}

/**
 * The steps to take back, the last started first: those in scope that have begun, and of the flags their ramps and what
 * switched their fallback off.
 */
export function stepsInScope(
  state: RolloutState,
  request: ScopeOfRollback,
  flags: readonly string[],
): readonly string[] {
  const begun = stepIdsWithin(state, request).filter((id) => isBegun(state, id));
  const ramps = flags.flatMap((key) => [
    ...rampsTakenBack(state, key).map(({ id }) => id),
    ...fallbackSteps(state, key).filter((id) => isBegun(state, id)),
  ]);
  const retirements = retirementsOf(state, flags).filter((id) => isBegun(state, id));
  const own = request.scope === 'flag' ? [] : begun;
  const underWay = new Set(state.rollbacks.flatMap(({ status, steps }) => (status === 'running' ? steps : [])));
  const all = new Set([...own, ...ramps, ...retirements, ...leftByFailed(state, request)]);
  return [...all].filter((id) => !underWay.has(id) && !isPastReturn(state, id)).sort(lastStartedFirst(state));
}

/** The ramps that take a flag to legacy: of a migration what is under way, and what has brought it live. */
function rampsTakenBack(state: RolloutState, flag: string): readonly RampStep[] {
  const hasGoneLive = isLive(stageOf(state, flag) ?? 'off');
  return rampsOf(state.plan, flag).filter(({ id, move }) => {
    if (!isBegun(state, id)) return false;
    return move === undefined || state.steps[id]?.status === 'running' || (hasGoneLive && isLive(move.to));
  });
}

/** Where legacy has missed writes, nobody goes back to what was before it did. */
function isPastReturn(state: RolloutState, stepId: string): boolean {
  const step = indexOf(state.plan).steps.get(stepId);
  const flag = step?.kind === 'ramp' ? state.flags[step.flag] : undefined;
  if (step?.kind !== 'ramp' || step.move === undefined || flag === undefined) return false;
  return !isLaterStage(step.move.to, lowestStage(flag));
}

/** The stage that a rollback brings a migration to: what was before the first of its steps that it takes back. */
export function stageAfterRollback(
  state: RolloutState,
  flag: string,
  steps: readonly string[],
): MigrationStage | undefined {
  const now = stageOf(state, flag);
  const known = state.flags[flag];
  if (now === undefined || known === undefined) return undefined;
  const before = rampsOf(state.plan, flag).flatMap(({ id, move }) => (move && steps.includes(id) ? [move.from] : []));
  const wanted = before.reduce<MigrationStage>((least, from) => (isLaterStage(least, from) ? from : least), now);
  return laterStage(wanted, lowestStage(known));
}

function fallbackSteps(state: RolloutState, flag: string): readonly string[] {
  const steps = [...indexOf(state.plan).steps.values()];
  return steps.flatMap((step) => (step.kind === 'fallback-off' && step.flag === flag ? step.id : []));
}

function stepIdsWithin(state: RolloutState, { scope, target }: ScopeOfRollback): readonly string[] {
  const after = scope === 'point' ? pointReachedAt(state, target) : null;
  return state.plan.phases
    .filter(({ name }) => scope !== 'phase' || name === target)
    .flatMap(({ steps }) => steps.map(({ id }) => id))
    .filter((id) => scope !== 'point' || (after !== null && isStartedAfter(state, id, { name: target, at: after })));
}

/** When the run passed a rollback point; null while it has not, and once it was itself taken back. */
export function pointReachedAt(state: RolloutState, point: string): number | null {
  for (const step of indexOf(state.plan).steps.values()) {
    if (step.kind !== 'point' || step.name !== point) continue;
    const known = state.steps[step.id];
    return known?.status === 'completed' ? known.endedAt : null;
  }
  return null;
}

/** Steps may start in the moment the point is passed: then their place in the plan decides. */
function isStartedAfter(
  state: RolloutState,
  id: string,
  point: { readonly name: string; readonly at: number },
): boolean {
  const { steps, isAfterPoint } = indexOf(state.plan);
  const startedAt = state.steps[id]?.startedAt ?? null;
  if (startedAt === null || steps.get(id)?.kind === 'point') return false;
  return startedAt > point.at || (startedAt === point.at && isAfterPoint(id, point.name));
}

/** What the last rollback of the same scope could not take back, so that asking again tries again. */
function leftByFailed(state: RolloutState, { scope, target }: ScopeOfRollback): readonly string[] {
  const last = state.rollbacks.findLast((known) => known.scope === scope && known.target === target);
  if (last?.status !== 'failed' || last.superseded) return [];
  const undone = undoneBy(last);
  return last.steps.filter((id) => indexOf(state.plan).steps.get(id)?.undo && !undone.has(id));
}

/** The steps whose undo has ended well, or was not needed. */
export function undoneBy({ parts }: RollbackState): ReadonlySet<string> {
  return new Set(parts.flatMap(({ kind, name, status }) => (kind === 'undo' && status !== 'failed' ? [name] : [])));
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
