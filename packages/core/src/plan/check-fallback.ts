import { EXPOSURE_WHOLE } from '../flag/index.ts';
import type { PlanReading, StepReading } from './plan-reading.ts';

/** Legacy's answer for a failing candidate goes last: only once nobody is on legacy any more [XR-9]. */
export function checkFallback(reading: PlanReading): void {
  for (const written of reading.steps) {
    if (written.step?.kind !== 'fallback-off') continue;
    const problem = problemOf(reading, written, written.step.flag);
    if (problem === null) continue;
    reading.problems.add({ path: [...written.path, 'fallback-off'], code: 'fallback-order', ...problem });
  }
}

function problemOf(
  { plan, steps, order }: PlanReading,
  { id }: StepReading,
  flag: string,
): { readonly message: string; readonly mend: string } | null {
  if (plan.flags[flag]?.fallback === false) {
    return {
      message: `'${flag}' has no fallback to switch off`,
      mend: "remove this step, or the flag's 'fallback: false'",
    };
  }
  // A ramp that could not be read may be the one that is meant.
  if (steps.some(({ kind, step }) => kind === 'ramp' && step === null)) return null;
  const ramp = steps.find(({ step }) => step?.kind === 'ramp' && step.flag === flag);
  if (ramp?.step?.kind !== 'ramp') {
    return { message: `nothing ramps '${flag}', whose fallback is switched off here`, mend: 'ramp it to 100% before' };
  }
  if (!order.isBefore(ramp.id, id)) {
    const message = `the fallback of '${flag}' is switched off before '${ramp.id}' is over`;
    return { message, mend: `write it after that step, or give it 'needs: [${ramp.id}]'` };
  }
  if ((ramp.step.through.at(-1) ?? 0) >= EXPOSURE_WHOLE) return null;
  const message = `the fallback of '${flag}' is switched off while '${ramp.id}' leaves some on legacy`;
  return { message, mend: 'let the ramp go through 100%' };
}
