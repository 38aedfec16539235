import type { GateRule, RollbackScope } from '../health/index.ts';
import type { Plan, Step } from '../plan/index.ts';
import { GRACEFUL_EXTRA_BUDGET_MS, IMMEDIATE_BUDGET_MS } from '../rollout/index.ts';
import { formatDuration } from '../time/index.ts';
import { type Finding, pathOfStep } from './finding.ts';
import { dependentsOf } from './flag-relations.ts';
import type { SimulationResult } from './simulate.ts';

type GatedStep = Extract<Step, { readonly gate: string }>;

/** A graceful rollback is down and verified within this [CV-10]. */
const GRACEFUL_LIMIT_MS = 600_000;

/** Rollbacks that a plan asks for and cannot have in the time it allows, and those that took longer when simulated. */
export function budgetFindings(plan: Plan, result: SimulationResult): readonly Finding[] {
  const gated = plan.phases.flatMap(({ steps }) => steps).filter((step) => 'gate' in step);
  return [
    ...Object.keys(plan.gates).flatMap((gate) => slowDescents(plan, gate)),
    ...gated
      .flatMap((step) => rollbackRulesOf(plan, step).flatMap((rule) => ruleFindings(plan, step, rule)))
      .filter(isFirst),
    ...overruns(plan, result),
  ];
}

function slowDescents(plan: Plan, gate: string): readonly Finding[] {
  return (plan.gates[gate]?.rules ?? []).flatMap(({ condition, action }, index): readonly Finding[] => {
    if (action.kind !== 'rollback' || action.overMs <= GRACEFUL_LIMIT_MS) return [];
    return [
      {
        severity: 'warning',
        code: 'slow-descent',
        path: ['gates', gate, 'rules', index],
        at: null,
        text: `'${condition.text}' goes down over ${formatDuration(action.overMs)}: a graceful rollback is to be verified within ${formatDuration(GRACEFUL_LIMIT_MS)}`,
        mend: 'write a shorter over, such as over 5m, or now',
      },
    ];
  });
}

function rollbackRulesOf(plan: Plan, step: GatedStep): readonly GateRule[] {
  return (plan.gates[step.gate]?.rules ?? []).filter(({ action }) => action.kind === 'rollback');
}

function ruleFindings(plan: Plan, step: GatedStep, { action }: GateRule): readonly Finding[] {
  if (action.kind !== 'rollback') return [];
  const path = pathOfStep(plan, step.id);
  const own = action.scope === 'flag' && step.kind === 'ramp' ? step.budgetMs : null;
  const usual = action.overMs === 0 ? IMMEDIATE_BUDGET_MS : action.overMs + GRACEFUL_EXTRA_BUDGET_MS;
  const budgetMs = own ?? usual;
  const what = `rolling back ${action.scope === 'flag' ? step.id : `the ${action.scope}`}`;
  const findings: Finding[] = [];
  if (own !== null && action.overMs >= own) {
    const text = `${what} goes down over ${formatDuration(action.overMs)}, but its budget is ${formatDuration(own)}`;
    const mend = 'raise the budget above the descent and what follows it, or go down faster';
    findings.push({ severity: 'error', code: 'budget-too-short', path, at: null, text, mend });
  }
  const isTold = findings.length > 0;
  const undoMs = isTold ? 0 : undoBudget(plan, step, action.scope);
  if (undoMs > 0 && undoMs + action.overMs > budgetMs) {
    const sum = `the undos in it may take ${formatDuration(undoMs)}${action.overMs > 0 ? ` after ${formatDuration(action.overMs)} of descent` : ''}`;
    const text = `${what} is to be done within ${formatDuration(budgetMs)}, but ${sum}`;
    const mend = 'make the undos faster and lower their budgets, or raise the budget of the rollback';
    findings.push({
      severity: own === null ? 'warning' : 'error',
      code: 'undo-over-budget',
      path,
      at: null,
      text,
      mend,
    });
  }
  return findings;
}

/** How long taking back all steps of the scope may take, by their own budgets. */
function undoBudget(plan: Plan, step: GatedStep, scope: RollbackScope): number {
  return stepsIn(plan, step, scope)
    .filter(({ undo }) => undo !== null)
    .reduce((sum, { budgetMs }) => sum + (budgetMs ?? 0), 0);
}

/** The ramp's own budget is that of the whole rollback, so only its dependents' count where the scope is the flag. */
function stepsIn(plan: Plan, step: GatedStep, scope: RollbackScope): readonly Step[] {
  const phases = plan.phases.filter(({ steps }) => scope === 'plan' || steps.includes(step));
  if (scope !== 'flag') return phases.flatMap(({ steps }) => steps);
  if (step.kind !== 'ramp') return [];
  const dependents = dependentsOf(plan, step.flag);
  return plan.phases
    .flatMap(({ steps }) => steps)
    .filter((other) => other.kind === 'ramp' && other !== step && dependents.has(other.flag));
}

/** What the simulated rollbacks really took. */
function overruns(plan: Plan, { events }: SimulationResult): readonly Finding[] {
  return events.flatMap((event): readonly Finding[] => {
    if (event.type !== 'rollback.completed' || event.withinBudget) return [];
    const begun = events.find((known) => known.type === 'rollback.initiated' && known.rollbackId === event.rollbackId);
    if (begun?.type !== 'rollback.initiated') return [];
    const { target, scope, budgetMs, steps } = begun;
    return [
      {
        severity: 'error',
        code: 'over-budget',
        path: pathOfStep(plan, steps[0] ?? ''),
        at: event.at,
        text: `${event.rollbackId} of ${scope} ${target} takes ${formatDuration(event.durationMs)} of a budget of ${formatDuration(budgetMs)}`,
        mend: 'shorten what it waits for, or raise its budget',
      },
    ];
  });
}

function isFirst(finding: Finding, index: number, all: readonly Finding[]): boolean {
  return all.findIndex(({ code, path }) => code === finding.code && path.join() === finding.path.join()) === index;
}
