import type { RollbackScope } from '../health/index.ts';
import { indexOf, withDependents } from './plan-index.ts';
import { retirementsOf } from './retirement.ts';
import type { RollbackState, RolloutState } from './state.ts';

/** What is asked to be taken back. */
export interface ScopeOfRollback {
  readonly scope: RollbackScope;
  /** The flag, phase, point or plan. */
  readonly target: string;
}

/** The flags to take to legacy, dependents first. */
export function flagsInScope(state: RolloutState, { scope, target }: ScopeOfRollback): readonly string[] {
  const named = scope === 'flag' ? [target] : rampedIn(state, { scope, target });
  return withDependents(state.plan, named).filter((key) => key === target || isExposed(state, key));
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
  return flag !== undefined && (flag.exposure > 0 || flag.status === 'ramping');
}

/** The steps to take back, the last started first: those in scope that have begun, and the ramps of the flags. */
export function stepsInScope(
  state: RolloutState,
  request: ScopeOfRollback,
  flags: readonly string[],
): readonly string[] {
  const begun = stepIdsWithin(state, request).filter((id) => isBegun(state, id));
  const ramps = flags
    .flatMap((key) => indexOf(state.plan).rampOf.get(key)?.id ?? [])
    .filter((id) => isBegun(state, id));
  const retirements = retirementsOf(state, flags).filter((id) => isBegun(state, id));
  const own = request.scope === 'flag' ? [] : begun;
  const underWay = new Set(state.rollbacks.flatMap(({ status, steps }) => (status === 'running' ? steps : [])));
  const all = new Set([...own, ...ramps, ...retirements, ...leftByFailed(state, request)]);
  return [...all].filter((id) => !underWay.has(id)).sort(lastStartedFirst(state));
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
