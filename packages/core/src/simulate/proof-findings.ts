import { type Condition, PROFILES } from '../health/index.ts';
import type { Plan, Step } from '../plan/index.ts';
import { formatDuration } from '../time/index.ts';
import { cleanNeeded, ruledOutBy } from './clean-sample.ts';
import { type Finding, pathOfStep } from './finding.ts';
import type { Load } from './modelled-traffic.ts';
import type { RampProof, StageProof } from './proof-time.ts';

type Ramp = Extract<Step, { readonly kind: 'ramp' }>;

/** What a plan asks to be shown by soaks that are too short for it, or by people who are too few. */
export function proofFindings(plan: Plan, load: Load, proofs: readonly RampProof[]): readonly Finding[] {
  return [...proofs.flatMap((proof) => slowProof(plan, proof)), ...smallSamples(plan, load)];
}

/** The first exposure whose soak is over before harm can be ruled out, though nothing is wrong. */
function slowProof(plan: Plan, proof: RampProof): readonly Finding[] {
  const late = proof.stages.find(({ provenAfterMs, soakMs }) => provenAfterMs === null || provenAfterMs > soakMs);
  return late === undefined ? [] : [slowProofAt(plan, proof, late)];
}

function slowProofAt(plan: Plan, { stepId, profile }: RampProof, late: StageProof): Finding {
  const { exposurePercent, people, soakMs, provenAfterMs } = late;
  const takes = provenAfterMs === null ? 'longer than can be foreseen' : `about ${formatDuration(provenAfterMs)}`;
  const { errorRatio } = PROFILES[profile].harmful;
  return {
    severity: 'warning',
    code: 'slow-proof',
    path: pathOfStep(plan, stepId),
    at: null,
    text: `${stepId} at ${exposurePercent} %: to rule out ${errorRatio}x the errors takes ${takes} with ${people} people, and the soak is ${formatDuration(soakMs)}`,
    mend: 'begin at a larger exposure rather than soak longer: evidence comes from people, not from minutes',
  };
}

function smallSamples(plan: Plan, load: Load): readonly Finding[] {
  return plan.phases.flatMap(({ steps }) =>
    steps.flatMap((step): readonly Finding[] => {
      if (step.kind !== 'ramp') return [];
      const limit = strictestLimit(plan, step);
      const people = firstPeople(plan, step, load);
      if (limit === null || people === null || people >= cleanNeeded(limit.share)) return [];
      return [smallSample(plan, step, load, limit, people)];
    }),
  );
}

interface Limit {
  /** The share of people that may be badly off, 0 to 1. */
  readonly share: number;
  readonly condition: Condition;
}

/** The strictest limit for a share of people or of what they do; a warning asks for no proof. */
function strictestLimit(plan: Plan, { gate }: Ramp): Limit | null {
  const limits = (plan.gates[gate]?.rules ?? []).flatMap(({ condition, action }): readonly Limit[] => {
    const { bound, comparison, signal } = condition;
    const isShare = plan.signals[signal]?.unit === 'percent';
    if (!isShare || action.kind === 'warn' || (bound.kind !== 'absolute' && bound.kind !== 'surely')) return [];
    const share = (comparison.startsWith('>') ? bound.value : 100 - bound.value) / 100;
    return share > 0 && share < 1 ? [{ share, condition }] : [];
  });
  return limits.reduce<Limit | null>(
    (least, limit) => (least === null || limit.share < least.share ? limit : least),
    null,
  );
}

/** Who sees the candidate first, long enough to be judged by; null where nobody can tell how many they are. */
function firstPeople(plan: Plan, { flag, through, soaksMs }: Ramp, { users }: Load): number | null {
  const first = soaksMs.findIndex((soakMs) => soakMs > 0);
  const exposure = through[first];
  if (exposure === undefined) return null;
  const { overrides, rules } = plan.flags[flag] ?? { overrides: { candidate: [] }, rules: [] };
  if (exposure > 0) return Math.floor((users * exposure) / 100_000);
  return rules.length > 0 || overrides.candidate.length === 0 ? null : overrides.candidate.length;
}

function smallSample(plan: Plan, step: Ramp, { users }: Load, { share, condition }: Limit, people: number): Finding {
  const needed = cleanNeeded(share);
  const shown = percentText(condition, ruledOutBy(people));
  const wanted = percentText(condition, share);
  const enough = Math.ceil((needed / users) * 1_000) / 10;
  return {
    severity: 'note',
    code: 'small-sample',
    path: pathOfStep(plan, step.id),
    at: null,
    text: `${step.id}: ${people} of ${people} people without a fault cannot prove ${condition.signal} ${wanted}, only ${shown}; ${needed} are needed`,
    mend:
      enough > 100
        ? 'there are not so many people: let somebody agree (`approve`) rather than soak longer'
        : `begin at ${enough} % rather than soak longer, or take it for a first look and not for proof`,
  };
}

/** A share of faults in the words of a condition: `< 5 %`, or `> 95 %` where the signal counts what went well. */
function percentText({ comparison }: Condition, share: number): string {
  const percent = (value: number): number => Math.round(value * 1_000) / 10;
  return comparison.startsWith('>') ? `< ${percent(share)} %` : `> ${percent(1 - share)} %`;
}
