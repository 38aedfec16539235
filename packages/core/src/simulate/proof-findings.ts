import {
  type ArmPair,
  type Gate,
  isJudgedGate,
  observe,
  PROFILES,
  resumeWatch,
  type Watch,
  type WatchTarget,
} from '../health/index.ts';
import type { Plan, Step } from '../plan/index.ts';
import { formatDuration } from '../time/index.ts';
import { type Finding, pathOfStep } from './finding.ts';
import { grownArms } from './modelled-arms.ts';
import { type Load, randomOf } from './modelled-traffic.ts';

type Ramp = Extract<Step, { readonly kind: 'ramp' }>;

/** What is usual where nothing was measured yet, as a share of requests. */
const USUAL_ERRORS = 0.005;
/** So many looks are enough to tell that it takes long. */
const MOST_LOOKS = 20_000;

/** Ramps whose soaks are over before harm can be ruled out at the expected traffic, though nothing is wrong. */
export function proofFindings(plan: Plan, load: Load): readonly Finding[] {
  return plan.phases.flatMap(({ steps }) =>
    steps.flatMap((step): readonly Finding[] => {
      const gate = step.kind === 'ramp' ? plan.gates[step.gate] : undefined;
      if (step.kind !== 'ramp' || gate === undefined || !isJudgedGate(gate)) return [];
      const late = firstUnproven(step, gate, load);
      return late === null ? [] : [findingOf(plan, step, gate, load, late)];
    }),
  );
}

interface Late {
  readonly stage: number;
  /** How long it takes at that exposure; null where it is not to be seen. */
  readonly takesMs: number | null;
}

function firstUnproven(step: Ramp, gate: Gate, load: Load): Late | null {
  const random = randomOf(1);
  let watch: Watch | undefined;
  let counts: ArmPair | null = null;
  let now = 0;
  for (const [stage, soakMs] of step.soaksMs.entries()) {
    if (soakMs === 0) continue;
    const share = (step.through[stage] ?? 0) / 100_000;
    const judging = {
      begunAt: 0,
      plannedMs: step.soaksMs.reduce((sum, ms) => sum + ms, 0),
      prior: NO_PRIOR,
      segments: [],
    };
    const target: WatchTarget = {
      id: '',
      stepId: '',
      flag: step.flag,
      stage,
      since: now,
      gate: onlyJudged(gate),
      judging,
    };
    const began = now;
    for (let looks = 0; ; looks += 1) {
      now += gate.everyMs;
      counts = grownArms(counts, { ...HEALTHY, ...load, share }, gate.everyMs, random);
      const assigned = { legacy: load.users * (1 - share), candidate: load.users * share };
      const odds = share < 1 ? share / (1 - share) : null;
      const comparison = { at: now, counts, epoch: 0, odds, assigned, ageMs: 0, problem: null };
      watch = observe(
        resumeWatch(target, watch, now),
        target.gate,
        { at: now, readings: [], comparison },
        {},
        COUNTING,
      );
      const isProven = watch.verdict?.judgement?.verdict === 'pass';
      const elapsedMs = now - began;
      if (isProven && elapsedMs > soakMs) return { stage, takesMs: elapsedMs };
      if (isProven || looks > MOST_LOOKS) {
        if (!isProven) return { stage, takesMs: null };
        if (elapsedMs >= soakMs) break;
      }
    }
  }
  return null;
}

const COUNTING = { counting: true };
const NO_PRIOR = { requests: 0, errors: 0 };
const HEALTHY = { errorShare: { legacy: USUAL_ERRORS, candidate: USUAL_ERRORS }, slowness: 1 };

function onlyJudged(gate: Gate): Gate {
  return { ...gate, rules: gate.rules.filter((rule) => isJudgedGate({ rules: [rule] })) };
}

function findingOf(plan: Plan, step: Ramp, gate: Gate, { users }: Load, { stage, takesMs }: Late): Finding {
  const exposure = step.through[stage] ?? 0;
  const candidates = Math.floor((users * exposure) / 100_000);
  const soak = formatDuration(step.soaksMs[stage] ?? 0);
  const takes = takesMs === null ? 'longer than can be foreseen' : `about ${formatDuration(takesMs)}`;
  const { harmful } = PROFILES[gate.profile ?? 'balanced'];
  return {
    severity: 'warning',
    code: 'slow-proof',
    path: pathOfStep(plan, step.id),
    at: null,
    text: `${step.id} at ${exposure / 1_000} %: to rule out ${harmful.errorRatio}x the errors takes ${takes} with ${candidates} people, and the soak is ${soak}`,
    mend: 'begin at a larger exposure rather than soak longer: evidence comes from people, not from minutes',
  };
}
