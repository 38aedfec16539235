import type { PlanSource } from '@theseus/core/plan';

type StepSource = PlanSource['phases'][number]['steps'][number];

/** What a person may change in the file while the run goes on. */
const EDITS: readonly ((source: PlanSource, choice: number) => PlanSource)[] = [
  (source) => inLastPhase(source, (steps) => [...steps, { name: 'told-later', notify: 'chat', message: 'news' }]),
  (source) => inLastPhase(source, (steps) => [...steps, { point: 'put-in-later' }]),
  (source) => ({
    ...source,
    risks: { some: { ...source.risks?.['some'], through: ['10%', '50%', '100%'], soak: '2m' } },
  }),
  (source) => withGates(source, { every: '60s' }),
  (source) => withGates(source, { rules: [{ 'errors > 5%': 'rollback now' }] }),
  (source, choice) => withoutStep(source, choice),
  (source) => eachStep(source, (step) => ('ramp' in step ? { ...step, approve: { by: 'tech-lead' } } : step)),
  (source) => ({ ...source, title: 'Another title', rollback: {} }),
];

/** A version of the plan as somebody might have changed it; the same for the same choice. */
export function editedSource(source: PlanSource, choice: number): PlanSource {
  const edit = EDITS[choice % EDITS.length] ?? ((same) => same);
  return edit(source, Math.floor(choice / EDITS.length));
}

function inLastPhase(source: PlanSource, change: (steps: readonly StepSource[]) => StepSource[]): PlanSource {
  const last = source.phases.length - 1;
  const phases = source.phases.map((phase, at) => (at === last ? { ...phase, steps: change(phase.steps) } : phase));
  return { ...source, phases };
}

function withGates(source: PlanSource, changes: Partial<NonNullable<PlanSource['gates']>[string]>): PlanSource {
  const gates = Object.entries(source.gates ?? {}).map(([name, gate]) => [name, { ...gate, ...changes }] as const);
  return { ...source, gates: Object.fromEntries(gates) };
}

function eachStep(source: PlanSource, change: (step: StepSource) => StepSource): PlanSource {
  return { ...source, phases: source.phases.map((phase) => ({ ...phase, steps: phase.steps.map(change) })) };
}

function withoutStep(source: PlanSource, choice: number): PlanSource {
  const steps = source.phases.flatMap((phase) => phase.steps);
  const dropped = steps[choice % steps.length];
  const phases = source.phases.map((phase) => ({ ...phase, steps: phase.steps.filter((step) => step !== dropped) }));
  return { ...source, phases };
}
