import type { Approver, Phase, Plan } from '../plan/index.ts';
import type { RolloutEvent } from '../rollout/index.ts';
import { describeApprovers } from '../rollout/quorum.ts';
import type { SimulationResult } from './simulate.ts';

type Request = Extract<RolloutEvent, { readonly type: 'approval.requested' }>;

/** An approval that will be asked for. */
export interface ForeseenApproval {
  readonly at: number;
  readonly stepId: string;
  readonly question: string;
  /** `tech-lead and 2 of release`. */
  readonly of: string;
  /** Who could give it, by name; empty where any operator may. */
  readonly people: readonly string[];
  /** When the last one needed agreed; null when nobody did. */
  readonly givenAt: number | null;
  /** What stands still until then. */
  readonly waiting: string;
}

/** Every approval of a simulation, in the order of time. */
export function approvalsOf(plan: Plan, { events }: SimulationResult): readonly ForeseenApproval[] {
  const asked = events.filter((event) => event.type === 'approval.requested');
  return asked.map((request) => ({
    at: request.at,
    stepId: request.stepId,
    question: request.question,
    of: describeApprovers(request.by),
    people: holdersOf(plan, request.by),
    givenAt: givenAt(events, request),
    waiting: waitingFor(plan, events, request),
  }));
}

function givenAt(events: readonly RolloutEvent[], { approvalId }: Request): number | null {
  const last = events.findLast((event) => event.type === 'approval.given' && event.approvalId === approvalId);
  return last?.at ?? null;
}

function holdersOf(plan: Plan, by: readonly Approver[]): readonly string[] {
  return Object.values(plan.people)
    .filter(({ roles }) => by.some(({ role }) => roles.includes(role)))
    .map(({ name }) => name);
}

function waitingFor(plan: Plan, events: readonly RolloutEvent[], request: Request): string {
  const phase = plan.phases.find(({ steps }) => steps.some(({ id }) => id === request.stepId));
  if (phase === undefined) return '';
  const step = phase.steps.find(({ id }) => id === request.stepId);
  const stays = step?.kind === 'ramp' ? `${step.flag} stays at ${exposureAt(events, step.flag, request.at)} %` : '';
  const after = dependentPhases(plan, phase);
  const rest = after.length === 0 ? `the rest of ${phase.name}` : `the rest of ${phase.name}, then ${after.join(', ')}`;
  return stays === '' ? rest : `${stays}; ${rest}`;
}

function exposureAt(events: readonly RolloutEvent[], flag: string, at: number): number {
  const last = events.findLast(
    (event) => event.type === 'flag.exposure-changed' && event.flag === flag && event.at <= at,
  );
  return last?.type === 'flag.exposure-changed' ? last.to / 1_000 : 0;
}

/** Phases that cannot start before this one is done, directly or not. */
function dependentPhases(plan: Plan, { name }: Phase): readonly string[] {
  const found = new Set([name]);
  for (const known of found) {
    for (const phase of plan.phases) if (phase.needs.includes(known)) found.add(phase.name);
  }
  found.delete(name);
  return [...found];
}
