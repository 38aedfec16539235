import type { Phase, Plan, Step } from '../plan/index.ts';

export type RampStep = Extract<Step, { readonly kind: 'ramp' }>;

export type RetireStep = Extract<Step, { readonly kind: 'retire' }>;

interface PlanIndex {
  readonly steps: ReadonlyMap<string, Step>;
  readonly phaseOf: ReadonlyMap<string, Phase>;
  /** The ramp of each flag; the steps of its stages, in the order of the plan, where it is a migration. */
  readonly rampsOf: ReadonlyMap<string, readonly RampStep[]>;
  readonly dependents: ReadonlyMap<string, readonly string[]>;
  /** Whether the plan lists the step after the rollback point. */
  isAfterPoint(stepId: string, point: string): boolean;
}

const indexes = new WeakMap<Plan, PlanIndex>();

/** Look-ups into a plan, built once per plan object. */
export function indexOf(plan: Plan): PlanIndex {
  const known = indexes.get(plan);
  if (known !== undefined) return known;
  const built = build(plan);
  indexes.set(plan, built);
  return built;
}

function build(plan: Plan): PlanIndex {
  const steps = new Map<string, Step>();
  const phaseOf = new Map<string, Phase>();
  const rampsOf = new Map<string, RampStep[]>();
  const dependents = new Map<string, string[]>();
  for (const phase of plan.phases) {
    for (const step of phase.steps) {
      steps.set(step.id, step);
      phaseOf.set(step.id, phase);
      if (step.kind === 'ramp') rampsOf.set(step.flag, [...(rampsOf.get(step.flag) ?? []), step]);
    }
  }
  for (const flag of Object.values(plan.flags)) {
    for (const required of flag.requires) {
      dependents.set(required, [...(dependents.get(required) ?? []), flag.key]);
    }
  }
  const order = [...steps.keys()];
  const points = new Map([...steps.values()].flatMap((step) => (step.kind === 'point' ? [[step.name, step.id]] : [])));
  const isAfterPoint = (stepId: string, point: string): boolean => {
    const at = order.indexOf(points.get(point) ?? '');
    return at !== -1 && order.indexOf(stepId) > at;
  };
  return { steps, phaseOf, rampsOf, dependents, isAfterPoint };
}

/** The ramps of a flag: one, or the steps of its stages. */
export function rampsOf(plan: Plan, flag: string): readonly RampStep[] {
  return indexOf(plan).rampsOf.get(flag) ?? [];
}

/** The flags and all that require them, directly or not: dependents before what they depend on. */
export function withDependents(plan: Plan, flags: readonly string[]): readonly string[] {
  const { dependents } = indexOf(plan);
  const ordered: string[] = [];
  const visit = (flag: string): void => {
    if (ordered.includes(flag)) return;
    for (const dependent of dependents.get(flag) ?? []) visit(dependent);
    ordered.push(flag);
  };
  for (const flag of flags) visit(flag);
  return ordered;
}
