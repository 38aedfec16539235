import {
  type ArmPair,
  type Gate,
  isJudgedGate,
  observe,
  type ProfileName,
  resumeWatch,
  type Watch,
  type WatchTarget,
} from '../health/index.ts';
import type { Plan, Step } from '../plan/index.ts';
import { grownArms } from './modelled-arms.ts';
import { type Load, randomOf } from './modelled-traffic.ts';

type Ramp = Extract<Step, { readonly kind: 'ramp' }>;

/** How long the judge takes to rule harm out at each exposure of a ramp, while nothing is wrong. */
export interface RampProof {
  readonly stepId: string;
  readonly flag: string;
  readonly profile: ProfileName;
  /** Exposures without a soak are left out, and those after one that is never proven. */
  readonly stages: readonly StageProof[];
}

export interface StageProof {
  readonly exposurePercent: number;
  /** How many take the candidate. */
  readonly people: number;
  readonly soakMs: number;
  /** From the change of exposure on; null where it is too long to be foreseen. */
  readonly provenAfterMs: number | null;
}

/** What is usual where nothing was measured yet, as a share of requests. */
const USUAL_ERRORS = 0.005;
/** So many looks at one exposure are enough to tell that it takes long. */
const MOST_LOOKS = 20_000;
const COUNTING = { counting: true };
const NO_PRIOR = { requests: 0, errors: 0 };
const HEALTHY = { errorShare: { legacy: USUAL_ERRORS, candidate: USUAL_ERRORS }, slowness: 1 };

/** For each ramp whose gate compares the arms: when a candidate that is as good as legacy passes, by the judge itself. */
export function proofTimes(plan: Plan, load: Load): readonly RampProof[] {
  return plan.phases.flatMap(({ steps }) =>
    steps.flatMap((step): readonly RampProof[] => {
      const gate = step.kind === 'ramp' ? plan.gates[step.gate] : undefined;
      if (step.kind !== 'ramp' || gate === undefined || !isJudgedGate(gate)) return [];
      const { id: stepId, flag } = step;
      return [{ stepId, flag, profile: gate.profile ?? 'balanced', stages: stagesOf(step, onlyJudged(gate), load) }];
    }),
  );
}

interface Walk {
  readonly step: Ramp;
  readonly gate: Gate;
  readonly load: Load;
  readonly random: () => number;
  now: number;
  watch: Watch | undefined;
  counts: ArmPair | null;
}

function stagesOf(step: Ramp, gate: Gate, load: Load): readonly StageProof[] {
  const walk: Walk = { step, gate, load, random: randomOf(1), now: 0, watch: undefined, counts: null };
  const stages: StageProof[] = [];
  for (const [stage, soakMs] of step.soaksMs.entries()) {
    if (soakMs === 0) continue;
    const exposure = step.through[stage] ?? 0;
    const provenAfterMs = walkThrough(walk, stage, soakMs);
    const people = Math.floor((load.users * exposure) / 100_000);
    stages.push({ exposurePercent: exposure / 1_000, people, soakMs, provenAfterMs });
    if (provenAfterMs === null) break;
  }
  return stages;
}

/** Looks until harm is ruled out and the soak is over, and says after how long the first was so. */
function walkThrough(walk: Walk, stage: number, soakMs: number): number | null {
  const { gate } = walk;
  const target = targetAt(walk, stage);
  const began = walk.now;
  let provenAfterMs: number | null = null;
  for (let looks = 0; looks < MOST_LOOKS; looks += 1) {
    walk.now += gate.everyMs;
    lookOnce(walk, target);
    const elapsedMs = walk.now - began;
    if (walk.watch?.verdict?.judgement?.verdict !== 'pass') provenAfterMs = null;
    else provenAfterMs ??= elapsedMs;
    if (provenAfterMs !== null && elapsedMs >= soakMs) return provenAfterMs;
  }
  return null;
}

function targetAt({ step, gate, now }: Walk, stage: number): WatchTarget {
  const plannedMs = step.soaksMs.reduce((sum, ms) => sum + ms, 0);
  const judging = { begunAt: 0, plannedMs, prior: NO_PRIOR, segments: [] };
  return { id: '', stepId: '', flag: step.flag, stage, since: now, gate, judging };
}

function lookOnce(walk: Walk, target: WatchTarget): void {
  const { gate, load, now, random, step } = walk;
  const share = (step.through[target.stage] ?? 0) / 100_000;
  walk.counts = grownArms(walk.counts, { ...HEALTHY, ...load, share }, gate.everyMs, random);
  const assigned = { legacy: load.users * (1 - share), candidate: load.users * share };
  const odds = share < 1 ? share / (1 - share) : null;
  const comparison = { at: now, counts: walk.counts, epoch: 0, odds, assigned, ageMs: 0, problem: null };
  const watch = resumeWatch(target, walk.watch, now);
  walk.watch = observe(watch, gate, { at: now, readings: [], comparison }, {}, COUNTING);
}

function onlyJudged(gate: Gate): Gate {
  return { ...gate, rules: gate.rules.filter((rule) => isJudgedGate({ rules: [rule] })) };
}
