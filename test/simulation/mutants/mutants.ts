import { HEALTH_MUTANTS } from './health-mutants.ts';
import { JUDGING_MUTANTS } from './judging-mutants.ts';
import type { Mutant } from './mutant.ts';
import { ROLLOUT_MUTANTS } from './rollout-mutants.ts';
import { STORE_MUTANTS } from './store-mutants.ts';

/** Deliberately broken rules, by the name that --bug takes. */
export const MUTANTS: Readonly<Record<string, Mutant>> = {
  ...HEALTH_MUTANTS,
  ...JUDGING_MUTANTS,
  ...ROLLOUT_MUTANTS,
  ...STORE_MUTANTS,
};
