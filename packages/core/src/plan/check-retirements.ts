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
    checkEverybody(reading, placed);
    checkVariant(reading, placed);
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
  const isMigration = reading.plan.flags[flag]?.migration !== undefined;
  const ramp = reading.steps.find(({ kind, source }) =>
    isMigration
      ? kind === 'stage' && source['stage'] === flag && source['to'] === 'complete'
      : kind === 'ramp' && source['ramp'] === flag,
  );
  if (ramp === undefined) {
    // A step that nobody can read may well be the ramp.
    if (reading.steps.some(({ kind }) => kind === null)) return;
    const [does, step] = isMigration ? ['completes', `stage: ${flag}' with 'to: complete`] : ['ramps', `ramp: ${flag}`];
    const message = `'${flag}' is retired, and no step ${does} it`;
    return tell(reading, placed, {
      code: 'never-ramped',
      message,
      mend: `add a step '${step}' before it, or drop this step`,
    });
  }
  if (!reading.order.isBefore(ramp.id, id)) {
    const message = `'${flag}' is retired before it is ${isMigration ? 'complete' : 'ramped'}`;
    const mend = `put '${ramp.id}' before '${id}', or let its phase need that one`;
    return tell(reading, placed, { code: 'retire-order', message, mend });
  }
  const last = ramp.step?.kind === 'ramp' ? ramp.step.through.at(-1) : EXPOSURE_WHOLE;
  if (last === undefined || last >= EXPOSURE_WHOLE) return;
  const message = `'${flag}' is retired, and its ramp ends at ${last / 1000} %: it would wait for ever`;
  tell(reading, placed, { code: 'retire-part', message, mend: `let '${ramp.id}' go through 100%` });
}

/** A retired flag answers everybody, also those whom its percentage was never about and those who are kept out. */
function checkEverybody(reading: PlanReading, placed: Placed): void {
  const { only, overrides } = reading.plan.flags[placed.step.flag] ?? {};
  const [excluded] = overrides?.legacy ?? [];
  if (excluded !== undefined) {
    const message = `'${placed.step.flag}' is retired, and '${excluded}' is excluded from it: they would come to the candidate`;
    const mend = "drop this step, or the flag's 'exclude:' once they can come along";
    tell(reading, placed, { code: 'retire-part', message, mend });
  }
  if (only === undefined) return;
  const message = `'${placed.step.flag}' is retired, and its ramp is about '${only}' only: the others would come to the candidate at once`;
  const mend = "drop this step; retire it by a later plan, in which the flag has no 'only:' and everybody is ramped";
  tell(reading, placed, { code: 'retire-part', message, mend });
}

/** Of several variants one must stay. */
function checkVariant(reading: PlanReading, placed: Placed): void {
  const { flag, variant } = placed.step;
  const names = (reading.plan.flags[flag]?.variants ?? []).map(({ name }) => name);
  if (variant === undefined && names.length === 0) return;
  if (variant !== undefined && names.includes(variant)) return;
  const message =
    variant === undefined
      ? `'${flag}' has the variants ${names.join(', ')}, and it is not said which stays`
      : `'${flag}' has no variant '${variant}'`;
  const mend =
    names.length === 0 ? "drop 'variant:'" : `write 'variant: ${names[0]}', or another of ${names.join(', ')}`;
  tell(reading, placed, { code: 'retire-variant', message, mend });
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
