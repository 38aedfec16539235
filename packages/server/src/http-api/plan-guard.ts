import { TheseusError } from '@theseus/core/error';
import { type Plan, validatePlan } from '@theseus/core/plan';

/** A plan from the network, or a refusal that names the first thing that is wrong with its shape. */
export function checkedPlan(value: unknown): Plan {
  const { plan, problem } = validatePlan(value);
  if (plan === null) throw new TheseusError('invalid-plan', `This is not a checked plan: ${problem}`);
  return plan;
}
