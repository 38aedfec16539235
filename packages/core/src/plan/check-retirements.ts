import { EXPOSURE_WHOLE } from '../flag/index.ts';
import type { Step } from './plan.ts';
import type { PlanReading, StepReading } from './plan-reading.ts';

type Retirement = Extract<Step, { kind: 'retire' }>;

interface Placed {
  readonly written: StepReading;
  readonly step: Retirement;
}

/** A flag is retired once, after everybody is on its candidate and on that of all it requires; then nobody judges it. */
export function checkRetirements(reading: PlanReading): void {
  const retirements = reading.steps.flatMap((written): readonly Placed[] =>
    written.step?.kind === 'retire' ? [{ written, step: written.step }] : [],
  );
  for (const [index, placed] of retirements.entries()) {
    const before = retirements.slice(0, index).find(({ step }) => step.flag === placed.step.flag);
    if (before !== undefined) tell(reading, placed, retiredTwice(placed.step.flag, before.step.id));
    checkRamp(reading, placed);
    checkRequired(reading, placed, retirements);
    checkWatches(reading, placed);
  }
}

interface Complaint {
  readonly code: string;
  readonly message: string;
  readonly mend: string;
}

function retiredTwice(flag: string, id: string): Complaint {
  const message = `'${flag}' is retired already in '${id}'`;
  return { code: 'retired-twice', message, mend: 'retire each flag once' };
}

function checkRamp(reading: PlanReading, placed: Placed): void {
  const { flag, id } = placed.step;
  const ramp = reading.steps.find(({ kind, source }) => kind === 'ramp' && source['ramp'] === flag);
  if (ramp === undefined) {
    // A step that nobody can read may well be the ramp.
    if (reading.steps.some(({ kind }) => kind === null)) return;
    const mend = `add a step 'ramp: ${flag}' before it, or drop this step`;
    return tell(reading, placed, { code: 'never-ramped', message: `'${flag}' is retired, and no step ramps it`, mend });
  }
  if (!reading.order.isBefore(ramp.id, id)) {
    const message = `'${flag}' is retired before it is ramped`;
    const mend = `put '${ramp.id}' before '${id}', or let its phase need that one`;
    return tell(reading, placed, { code: 'retire-order', message, mend });
  }
  const last = ramp.step?.kind === 'ramp' ? ramp.step.through.at(-1) : EXPOSURE_WHOLE;
  if (last === undefined || last >= EXPOSURE_WHOLE) return;
  const message = `'${flag}' is retired, and its ramp ends at ${last / 1000} %: it would wait for ever`;
  tell(reading, placed, { code: 'retire-part', message, mend: `let '${ramp.id}' go through 100%` });
}

/** Who is kept out of what a flag requires would otherwise get the flag without it. */
function checkRequired(reading: PlanReading, placed: Placed, retirements: readonly Placed[]): void {
  const { flag, id } = placed.step;
  for (const required of reading.plan.flags[flag]?.requires ?? []) {
    const first = retirements.find(({ step }) => step.flag === required);
    if (first !== undefined && reading.order.isBefore(first.step.id, id)) continue;
    const message = `'${flag}' requires '${required}', which is not retired before it`;
    const mend =
      first === undefined ? `add a step 'retire: ${required}' before it` : `put '${first.step.id}' before it`;
    tell(reading, placed, { code: 'retire-order', message, mend });
  }
}

function checkWatches({ problems, steps, order }: PlanReading, { step: { flag, id } }: Placed): void {
  for (const { step, path } of steps) {
    if (step?.kind !== 'watch' || !step.flags.includes(flag) || !order.isBefore(id, step.id)) continue;
    const message = `'${step.id}' watches '${flag}' after it is retired, when nothing of it is counted any more`;
    const mend = `put it before '${id}', or name the other flags under 'flags:'`;
    problems.add({ path: [...path, 'watch'], code: 'watch-retired', message, mend });
  }
}

function tell({ problems }: PlanReading, { written: { path } }: Placed, complaint: Complaint): void {
  problems.add({ path: [...path, 'retire'], ...complaint });
}
