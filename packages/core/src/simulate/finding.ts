import type { Plan } from '../plan/index.ts';

/** Every kind of thing that a plan's author should hear of before it starts. */
export type FindingCode =
  | 'never-taken-back'
  | 'too-few-requests'
  | 'outlives-the-ramp'
  | 'carried-on'
  | 'slow-proof'
  | 'small-sample'
  | 'slow-descent'
  | 'budget-too-short'
  | 'undo-over-budget'
  | 'over-budget'
  | 'no-mitigation'
  | 'no-undo'
  | 'retires'
  | 'wait-is-past'
  | 'asked-out-of-hours'
  | 'ramps-overlap'
  | 'messages-at-once';

/** `error`: it will not do what it promises. `warning`: it may not. `note`: good to know. */
export type Severity = 'error' | 'warning' | 'note';

export interface Finding {
  readonly severity: Severity;
  readonly code: FindingCode;
  /** Where it stands in the plan, such as `['phases', 1, 'steps', 0]`. */
  readonly path: readonly (string | number)[];
  /** When it would show, epoch milliseconds; null when it is no matter of time. */
  readonly at: number | null;
  readonly text: string;
  readonly mend: string;
}

const RANK: Readonly<Record<Severity, number>> = { error: 0, warning: 1, note: 2 };

/** The gravest first, and of the same weight in the order of time. */
export function sortFindings(findings: readonly Finding[]): readonly Finding[] {
  const timeOf = ({ at }: Finding): number => at ?? Number.POSITIVE_INFINITY;
  return [...findings].sort(
    (left, right) => RANK[left.severity] - RANK[right.severity] || compare(timeOf(left), timeOf(right)),
  );
}

function compare(left: number, right: number): number {
  return left === right ? 0 : left < right ? -1 : 1;
}

/** Where a step stands in its plan; empty for one that is not in it. */
export function pathOfStep(plan: Plan, stepId: string): readonly (string | number)[] {
  for (const [phaseAt, phase] of plan.phases.entries()) {
    const stepAt = phase.steps.findIndex(({ id }) => id === stepId);
    if (stepAt >= 0) return ['phases', phaseAt, 'steps', stepAt];
  }
  return [];
}
