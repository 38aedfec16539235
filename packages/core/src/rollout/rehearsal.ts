import type { Command, Plan, Probe, Step } from '../plan/index.ts';

/** One thing that a rehearsal really runs, and how long it may take. */
export type RehearsedPart =
  | { readonly kind: 'command'; readonly command: Command; readonly name: string; readonly budgetMs: number | null }
  | { readonly kind: 'probe'; readonly probe: Probe; readonly name: string; readonly budgetMs: number | null };

/**
 * What a rollback of the scope would run, in its order, as far as that is declared safe: the first way to take each step
 * back, the last step first, and then the probes that verify it.
 */
export function rehearsedParts(
  plan: Plan,
  { scope, target }: Extract<Step, { readonly kind: 'rehearse' }>,
): readonly RehearsedPart[] {
  const steps = plan.phases
    .filter(({ name }) => scope !== 'phase' || name === target)
    .flatMap((phase) => phase.steps)
    .filter((step) => scope !== 'flag' || (step.kind === 'ramp' && step.flag === target));
  const undos = steps.toReversed().flatMap((step): readonly RehearsedPart[] => {
    const [command] = step.undo?.rehearsable === true ? step.undo.alternatives : [];
    return command === undefined
      ? []
      : [{ kind: 'command', command, name: `undo ${step.id}`, budgetMs: step.budgetMs }];
  });
  const probes = steps.flatMap((step): readonly RehearsedPart[] =>
    step.kind === 'ramp'
      ? step.verify.map((probe) => ({ kind: 'probe', probe, name: `verify ${step.flag}`, budgetMs: null }))
      : [],
  );
  return [...undos, ...probes];
}
