import { type Explanation, explainWatch, type Watch } from '../health/index.ts';
import type { Phase, Step } from '../plan/index.ts';
import { baselineViews } from './baseline-view.ts';
import { stageOf, stagesOfArms } from './migration-stage.ts';
import { describeApprovers, missingApprovers } from './quorum.ts';
import type { RollbackState, RolloutState } from './state.ts';
import type { FlagView, HealthView, PhaseView, RampView, RollbackView, RunView, StepView } from './view.ts';
import { waitsOf } from './waits.ts';
import { soakOf, watchTargets } from './watch-targets.ts';

/** A run as people look at it, from its state and the memory of its watches (by watch id). */
export function viewOf(state: RolloutState, watches: ReadonlyMap<string, Watch>, now: number): RunView {
  return {
    runId: state.runId,
    plan: state.plan.name,
    title: state.plan.title,
    environment: state.plan.environment,
    planHash: state.planHash,
    revision: state.revision,
    status: state.status,
    outcome: state.outcome,
    startedAt: state.startedAt,
    endedAt: state.endedAt,
    timeCompression: state.plan.timeCompression,
    pausedBy: state.pausedBy,
    now,
    phases: state.plan.phases.map((phase) => phaseView(state, phase, watches, now)),
    flags: Object.keys(state.flags).map((key) => flagView(state, key)),
    baselines: baselineViews(state, now),
    rollbacks: state.rollbacks.map((rollback) => rollbackView(rollback)),
    contingencies: Object.entries(state.contingencies).map(([name, known]) => ({
      name,
      title: state.plan.contingencies[name]?.title ?? name,
      ...known,
    })),
    freezes: Object.entries(state.freezes).map(([stepId, known]) => ({ stepId, ...known })),
    waits: waitsOf(state, watches, now),
  };
}

function phaseView(state: RolloutState, phase: Phase, watches: ReadonlyMap<string, Watch>, now: number): PhaseView {
  const known = state.phases[phase.name];
  return {
    name: phase.name,
    title: phase.title,
    status: known?.status ?? 'pending',
    needs: phase.needs,
    startedAt: known?.startedAt ?? null,
    endedAt: known?.endedAt ?? null,
    steps: phase.steps.map((step) => stepView(state, step, watches, now)),
  };
}

function stepView(state: RolloutState, step: Step, watches: ReadonlyMap<string, Watch>, now: number): StepView {
  const known = state.steps[step.id];
  const planned = plannedOf(state, step);
  return {
    id: step.id,
    title: step.title,
    kind: step.kind === 'ramp' && step.move !== undefined ? 'stage' : step.kind,
    status: known?.status ?? 'pending',
    startedAt: known?.startedAt ?? null,
    endedAt: known?.endedAt ?? null,
    planned,
    timeliness: timelinessOf(state, step.id, planned, now),
    mitigation: step.mitigation,
    hold: known?.hold ?? null,
    approval: approvalView(state, step.id),
    ramp: step.kind === 'ramp' ? rampView(state, step) : null,
    health: healthViews(state, step.id, watches),
  };
}

/** What the plan says itself goes before what was simulated. */
function plannedOf(state: RolloutState, { id, notBefore, takesMs }: Step): StepView['planned'] {
  const forecast = state.forecast[id];
  const startAt = notBefore ?? forecast?.startAt ?? null;
  if (startAt === null) return null;
  const expectedMs = takesMs ?? (forecast === undefined ? null : forecast.endAt - forecast.startAt);
  return { startAt, endAt: expectedMs === null ? null : startAt + expectedMs };
}

/** Nobody calls a minute of an hour late. */
const TOLERANCE_MS = 60_000;

function timelinessOf(
  state: RolloutState,
  stepId: string,
  planned: StepView['planned'],
  now: number,
): StepView['timeliness'] {
  const known = state.steps[stepId];
  if (planned === null || known === undefined) return null;
  const toleranceMs = TOLERANCE_MS / state.plan.timeCompression;
  const begunAt = known.startedAt;
  if (known.status === 'pending') return now > planned.startAt + toleranceMs ? 'late' : null;
  if (known.status === 'running' && planned.endAt !== null && now > planned.endAt + toleranceMs) return 'overdue';
  if (begunAt === null) return null;
  if (begunAt < planned.startAt - toleranceMs) return 'early';
  return begunAt > planned.startAt + toleranceMs ? 'late' : 'on-time';
}

function approvalView(state: RolloutState, stepId: string): StepView['approval'] {
  const approval = state.steps[stepId]?.approval;
  if (!approval) return null;
  const given = approval.given.map(({ person }) => person);
  const missing = missingApprovers(approval.by, given, state.plan.people);
  return {
    id: approval.id,
    question: approval.question,
    given,
    missing: missing.length === 0 ? '' : describeApprovers(missing),
    requestedAt: approval.requestedAt,
  };
}

function rampView(state: RolloutState, step: Extract<Step, { readonly kind: 'ramp' }>): RampView {
  return {
    flag: step.flag,
    throughPercent: step.through.map((exposure) => exposure / 1000),
    exposurePercent: exposureIn(state, step),
    stage: state.steps[step.id]?.stage ?? -1,
    ...(step.move === undefined ? {} : { move: step.move }),
  };
}

/** In percent. Of a migration's stage all are there once it is reached, whatever the flag does since. */
function exposureIn(state: RolloutState, { id, flag, move }: Extract<Step, { readonly kind: 'ramp' }>): number {
  const status = state.steps[id]?.status;
  if (move !== undefined && status === 'completed') return 100;
  return move === undefined || status === 'running' ? (state.flags[flag]?.exposure ?? 0) / 1000 : 0;
}

const NOT_JUDGED: Explanation = { headline: 'not judged yet', lines: [] };

function healthViews(state: RolloutState, stepId: string, watches: ReadonlyMap<string, Watch>): readonly HealthView[] {
  return watchTargets(state)
    .filter((target) => target.stepId === stepId)
    .map((target) => {
      const watch = watches.get(target.id);
      const current = watch?.stage === target.stage ? watch : undefined;
      return {
        flag: target.flag,
        gate: target.gate.name,
        verdict: current?.verdict?.verdict ?? null,
        at: current?.lastAt ?? null,
        soakedMs: current?.soakedMs ?? 0,
        soakMs: soakOf(state, stepId),
        rules: current?.verdict?.rules ?? [],
        explanation: current === undefined ? NOT_JUDGED : explainWatch(current),
      };
    });
}

function flagView(state: RolloutState, key: string): FlagView {
  const flag = state.flags[key];
  return {
    key,
    status: flag?.status ?? 'dark',
    exposurePercent: (flag?.exposure ?? 0) / 1000,
    confirmed: flag?.confirmed ?? true,
    requires: state.plan.flags[key]?.requires ?? [],
    ...migrationView(state, key),
  };
}

function migrationView(state: RolloutState, key: string): Pick<FlagView, 'migration'> {
  if (stageOf(state, key) === undefined) return {};
  const { legacy, candidate } = stagesOfArms(state, key);
  return { migration: { stage: legacy, next: candidate === legacy ? null : candidate } };
}

function rollbackView(rollback: RollbackState): RollbackView {
  return {
    id: rollback.id,
    scope: rollback.scope,
    target: rollback.target,
    reason: rollback.reason,
    status: rollback.status,
    outcome: rollback.outcome,
    parts: rollback.parts,
    flags: rollback.flags,
    initiatedAt: rollback.initiatedAt,
    durationMs: rollback.endedAt === null ? null : rollback.endedAt - rollback.initiatedAt,
    budgetMs: rollback.budgetMs,
    withinBudget: rollback.withinBudget,
    verification: rollback.verification,
    failure: rollback.failure,
  };
}
