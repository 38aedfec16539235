import type { Plan, Step } from '../plan/index.ts';
import { type Finding, pathOfStep } from './finding.ts';
import type { SimulationResult } from './simulate.ts';

/** A step that no rollback takes back. */
export interface OneWayStep {
  readonly stepId: string;
  readonly title: string;
  readonly why: 'irreversible' | 'no-undo' | 'retires';
  readonly mitigation: string | null;
  /** When it begins; null when the simulation did not come to it. */
  readonly at: number | null;
}

/** Commands without an undo, and everything that is said to be irreversible, in the order of the plan. */
export function oneWayStepsOf(plan: Plan, { view }: SimulationResult): readonly OneWayStep[] {
  const startedAt = new Map(view.phases.flatMap(({ steps }) => steps.map((step) => [step.id, step.startedAt])));
  return plan.phases
    .flatMap(({ steps }) => steps)
    .flatMap((step): readonly OneWayStep[] => {
      const why = whyOneWay(step);
      if (why === null) return [];
      const { id, title, mitigation } = step;
      return [{ stepId: id, title, why, mitigation, at: startedAt.get(id) ?? null }];
    });
}

/** What to say about steps that nothing makes less dangerous. */
export function oneWayFindings(plan: Plan, steps: readonly OneWayStep[]): readonly Finding[] {
  return steps
    .filter(({ mitigation }) => mitigation === null)
    .map(({ stepId, why, at }) => {
      const common = { path: pathOfStep(plan, stepId), at };
      if (why === 'retires') return { ...common, ...retirementNote(stepId) };
      return why === 'irreversible'
        ? {
            ...common,
            severity: 'warning',
            code: 'no-mitigation',
            text: `${stepId} cannot be taken back, and nothing is said to make that less dangerous`,
            mend: "say in 'mitigation' what is done about it, such as a dump that is kept",
          }
        : {
            ...common,
            severity: 'note',
            code: 'no-undo',
            text: `${stepId} has no undo: a rollback leaves what it did`,
            mend: "add 'undo', or say in 'mitigation' why none is needed",
          };
    });
}

/** No engine can know what has been deleted from a program's source. */
function retirementNote(stepId: string): Pick<Finding, 'severity' | 'code' | 'text' | 'mend'> {
  return {
    severity: 'note',
    code: 'retires',
    text: `${stepId} leaves a flag for good: a rollback after it helps only where the program still has its legacy path`,
    mend: "remove that path once nobody would go back, and say so in 'mitigation'",
  };
}

function whyOneWay(step: Step): OneWayStep['why'] | null {
  if (step.kind === 'retire') return 'retires';
  if (step.irreversible) return 'irreversible';
  return step.kind === 'run' && step.undo === null ? 'no-undo' : null;
}
