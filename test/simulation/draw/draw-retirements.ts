import type { PlanSource } from '@theseus/core/plan';
import type { Random } from '../random.ts';
import { planOf } from './draw-plan.ts';

type PhaseSource = PlanSource['phases'][number];
type StepSource = PhaseSource['steps'][number];

/**
 * The plan with some flags retired at the end of the phase that ramps them, drawn apart, so that everything else stays
 * what it was. A retirement that would not be accepted is left out.
 */
export function withRetirements(random: Random, source: PlanSource): PlanSource {
  let known = source;
  for (const flag of Object.keys(source.flags ?? {})) {
    if (!random.chance(0.35)) continue;
    const next = withRetirement(known, flag, {
      retire: flag,
      after: random.pick(['0', '2m', '10m']),
      ...(random.chance(0.5) ? { approve: random.pick(['none', 'tech-lead']) } : {}),
    });
    if (planOf(next) !== null) known = next;
  }
  return known;
}

function isLastStage(step: StepSource, flag: string): boolean {
  return 'stage' in step && step.stage === flag && step.to === 'complete';
}

function withRetirement(source: PlanSource, flag: string, step: StepSource): PlanSource {
  const phases = source.phases.map((phase) =>
    phase.steps.some((each) => ('ramp' in each && each.ramp === flag) || isLastStage(each, flag))
      ? { ...phase, steps: [...phase.steps, step] }
      : phase,
  );
  return { ...source, phases };
}
