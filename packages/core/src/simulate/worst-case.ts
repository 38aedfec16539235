import type { GateRule, WatchTarget } from '../health/index.ts';
import type { Plan } from '../plan/index.ts';
import { type RolloutEvent, watchTargets } from '../rollout/index.ts';
import { type CaseRequest, type ExposureCase, playExposureCase } from './exposure-case.ts';
import { modelTraffic } from './modelled-traffic.ts';
import { type Load, VirtualRun, type VirtualRunOptions } from './virtual-run.ts';

/** So many faults are played at the most, at the largest exposures first. */
const MOST_CASES = 2_000;

type WorstCaseOptions = VirtualRunOptions & { readonly load: Load };

export interface PlayedRun {
  readonly run: VirtualRun;
  /** In the order of time. */
  readonly cases: readonly ExposureCase[];
  /** Cases that were too many to be played. */
  readonly leftOut: number;
}

/** A run right after a step or stage began at which health is judged anew. */
interface Branch {
  readonly run: VirtualRun;
  readonly targets: readonly WatchTarget[];
}

/**
 * Plays a plan to its end, and from each stage of a ramp and each watch on, what the faults would do that its gate's
 * rules are there for. The main run has as much traffic as any gate wants; the faults have that of the given load.
 */
export function playWithFaults(plan: Plan, options: WorstCaseOptions): PlayedRun {
  const { run, branches } = playAndBranch(plan, options);
  const healthy = modelTraffic({ plan, ...options }).usual();
  const requests = branches.flatMap((branch) => requestsOf(branch, options, healthy));
  const chosen = chooseLargest(requests);
  const cases = chosen.flatMap((request) => playExposureCase(request) ?? []);
  return { run, cases, leftOut: requests.length - chosen.length };
}

function playAndBranch(plan: Plan, options: WorstCaseOptions): { run: VirtualRun; branches: readonly Branch[] } {
  const quiet = { ...options, load: null };
  const run = VirtualRun.begin(plan, quiet);
  const branches: Branch[] = [];
  let seen = 0;
  do {
    if (run.events.length === seen) continue;
    const begun = stepsBegun(run, run.events.slice(seen));
    seen = run.events.length;
    const targets = watchTargets(run.state).filter(({ stepId }) => begun.has(stepId));
    if (targets.length > 0) branches.push({ run: run.fork(quiet), targets });
  } while (run.advance(Number.POSITIVE_INFINITY));
  return { run, branches };
}

/** The steps whose gate begins to judge something new with these events. */
function stepsBegun({ state }: VirtualRun, events: readonly RolloutEvent[]): ReadonlySet<string> {
  const steps = state.plan.phases.flatMap((phase) => phase.steps);
  const ids = events.flatMap((event) => {
    if (event.type === 'step.started') return event.stepId;
    if (event.type !== 'flag.exposure-changed' || event.stage === null) return [];
    return steps
      .filter((step) => step.kind === 'ramp' && step.flag === event.flag && state.steps[step.id]?.status === 'running')
      .map(({ id }) => id);
  });
  return new Set(ids);
}

function requestsOf(
  { run, targets }: Branch,
  options: WorstCaseOptions,
  healthy: CaseRequest['healthy'],
): readonly CaseRequest[] {
  return targets.flatMap((target) =>
    target.gate.rules.flatMap((rule, ruleIndex) =>
      isRollback(rule)
        ? [{ run, options: { ...options, seed: options.seed + ruleIndex }, target, rule, ruleIndex, healthy }]
        : [],
    ),
  );
}

function isRollback({ action }: GateRule): boolean {
  return action.kind === 'rollback';
}

function chooseLargest(requests: readonly CaseRequest[]): readonly CaseRequest[] {
  if (requests.length <= MOST_CASES) return requests;
  const largest = [...requests].sort((left, right) => exposureOf(right) - exposureOf(left)).slice(0, MOST_CASES);
  const chosen = new Set(largest);
  return requests.filter((request) => chosen.has(request));
}

function exposureOf({ run, target }: CaseRequest): number {
  return target.flag === null ? 0 : (run.state.flags[target.flag]?.exposure ?? 0);
}
