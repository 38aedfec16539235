import type { PlanSource } from './source-schema.ts';

/**
 * Writes a plan in TypeScript, with completion. It is evaluated on the author's machine only; what the server gets is
 * the same JSON that the YAML file gives.
 */
export function definePlan(source: PlanSource): PlanSource {
  return source;
}
