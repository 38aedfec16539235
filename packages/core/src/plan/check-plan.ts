import { checkExperiments } from './check-experiments.ts';
import { checkFallback } from './check-fallback.ts';
import { checkNames } from './check-names.ts';
import { checkOrder } from './check-order.ts';
import { checkPromises } from './check-promises.ts';
import { checkRetirements } from './check-retirements.ts';
import type { PlanReading } from './plan-reading.ts';

/**
 * What only the whole shows: circles, promises that cannot be kept, things that are never used. Works on whatever
 * could be read; of what could not, it says nothing, so that one mistake is one problem.
 */
export function checkPlan(reading: PlanReading): void {
  const order = checkOrder(reading);
  checkPromises(reading, order);
  checkExperiments(reading);
  if (order.isOrdered) {
    checkFallback(reading);
    checkRetirements(reading);
  }
  checkNames(reading);
}
