import type { Plan } from '@theseus/core/plan';
import { type Decision, type EventBody, evolve, type RolloutEvent, type RolloutState } from '@theseus/core/rollout';
import { PRODUCT_RULES, type Rules } from '../rules.ts';

/** The product's rules with one of them broken, and what the simulator has to say to it. */
export interface Mutant {
  readonly breaks: string;
  /** The invariants that may catch it first. */
  readonly caughtBy: readonly string[];
  readonly rules: Rules;
}

export function broken(changes: Partial<Rules>): Rules {
  return { ...PRODUCT_RULES, ...changes };
}

/** A decision that says only what is given: the state is what these events make of the one before. */
export function decisionOf(before: RolloutState, events: readonly RolloutEvent[]): Decision {
  return { events, state: events.reduce(evolve, before), refusal: null };
}

export function added(decision: Decision, body: EventBody, now: number): Decision {
  const event: RolloutEvent = { ...body, at: now, actor: { kind: 'engine', name: 'theseus' }, reason: 'a planted bug' };
  return { ...decision, events: [...decision.events, event], state: evolve(decision.state, event) };
}

/** Lets the product decide about another plan than the one it runs; what it decided holds for the real one. */
export function decidingAbout(change: (plan: Plan) => Plan): Rules['decide'] {
  const changed = new WeakMap<Plan, Plan>();
  return (state, input, now) => {
    const plan = changed.get(state.plan) ?? change(state.plan);
    changed.set(state.plan, plan);
    const decision = PRODUCT_RULES.decide({ ...state, plan }, input, now);
    return { ...decision, state: { ...decision.state, plan: state.plan } };
  };
}

export function withSteps(plan: Plan, change: (step: Plan['phases'][number]['steps'][number]) => object): Plan {
  const phases = plan.phases.map((phase) => ({
    ...phase,
    steps: phase.steps.map((step) => ({ ...step, ...change(step) }) as typeof step),
  }));
  return { ...plan, phases };
}
