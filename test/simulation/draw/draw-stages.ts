import type { PlanSource } from '@theseus/core/plan';
import type { Random } from '../random.ts';
import { planOf } from './draw-plan.ts';

type PhaseSource = PlanSource['phases'][number];
type StepSource = PhaseSource['steps'][number];
type RampSource = Extract<StepSource, { readonly ramp: string }>;

const STAGES = ['dualwrite', 'shadow', 'live', 'rampdown', 'complete'] as const;
const TO_EVERYBODY = [['50% for 5m', '100% for 30s'], ['100% for 2m'], ['10% for 1m', '100% for 1m']] as const;

/**
 * The plan with some flags as migrations, drawn apart, so that everything else stays what it was. Flags that others
 * require, or that require others, stay as they are. So do plans that would not be accepted with it.
 */
export function withStages(random: Random, source: PlanSource): PlanSource {
  const required = new Set(Object.values(source.flags ?? {}).flatMap((flag) => flag?.requires ?? []));
  const chosen = Object.entries(source.flags ?? {}).flatMap(([key, flag]) => {
    const isAlone = !required.has(key) && (flag?.requires ?? []).length === 0;
    return isAlone && random.chance(0.25) ? [key] : [];
  });
  if (chosen.length === 0) return source;
  const flags = Object.entries(source.flags ?? {}).map(([key, flag]) => {
    return [key, chosen.includes(key) ? { ...flag, migration: { compare: '10%' } } : flag] as const;
  });
  const phases = source.phases.map((phase) => ({
    ...phase,
    steps: phase.steps.flatMap((step) => (isRampOf(step, chosen) ? stagesFor(random, step) : [step])),
  }));
  const staged: PlanSource = { ...source, flags: Object.fromEntries(flags), phases };
  return planOf(staged) === null ? source : staged;
}

function isRampOf(step: StepSource, flags: readonly string[]): step is RampSource {
  return 'ramp' in step && flags.includes(step.ramp);
}

/** The steps of a migration one after another, as far as it goes. */
function stagesFor(random: Random, ramp: RampSource): readonly StepSource[] {
  const { ramp: flag, name = flag, through: _through, soak: _soak, holdback: _holdback, ...rest } = ramp;
  return STAGES.slice(0, random.int(1, STAGES.length)).map((to): StepSource => {
    const asked = to === 'complete' ? { approve: true as const } : {};
    return { ...rest, ...asked, name: `${name}-${to}`, stage: flag, to, through: [...random.pick(TO_EVERYBODY)] };
  });
}
