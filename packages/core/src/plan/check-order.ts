import { suggest } from './did-you-mean.ts';
import { findCycles } from './find-cycle.ts';
import type { Step } from './plan.ts';
import { type PlanReading, stepPath } from './plan-reading.ts';
import type { Path } from './problems.ts';
import type { OutlinePhase } from './read-outline.ts';

export interface OrderFinding {
  /** Whether anything can be said about the order of steps. */
  readonly isOrdered: boolean;
}

/** What waits for what: circles, and flags that are ramped before those they require. */
export function checkOrder(reading: PlanReading): OrderFinding {
  const { plan } = reading;
  const phases = findCycles(new Map(plan.phases.map(({ name, needs }) => [name, needs])));
  const flags = findCycles(new Map(Object.values(plan.flags).map(({ key, requires }) => [key, requires])));
  for (const cycle of phases) tellCycle(reading, 'phase', cycle, phaseNeeds(reading, cycle));
  for (const cycle of flags) tellCycle(reading, 'flag', cycle, ['flags', cycle.at(-2) ?? '', 'requires']);
  // Where phases go in a circle, or one of their needs is unknown, nothing can be said about the order of steps.
  const isOrdered = phases.length === 0 && !reading.outline.phases.some((phase) => isUnordered(reading, phase));
  linkSteps(reading, { isOrdered });
  const ramps = checkRampedOnce(reading);
  if (isOrdered) checkPrerequisites(reading, ramps, flags);
  return { isOrdered };
}

function isUnordered({ problems }: PlanReading, { source, path }: OutlinePhase): boolean {
  return source === null || problems.isTouched([...path, 'needs']) || problems.isTouched([...path, 'phase']);
}

function tellCycle({ problems }: PlanReading, what: string, cycle: readonly string[], path: Path): void {
  const message = `these ${what}s wait for each other: ${cycle.join(' → ')}`;
  problems.add({ path, code: 'cycle', message, mend: 'remove one of the arrows' });
}

/** Of a circle of phases, the place of a `needs` that is written: those that follow from the file's order are not. */
function phaseNeeds({ outline }: PlanReading, cycle: readonly string[]): Path {
  const written = outline.phases.find(({ name, source }) => {
    const next = name === null ? undefined : cycle[cycle.indexOf(name) + 1];
    return name !== null && cycle.includes(name) && next !== undefined && source?.needs?.includes(next);
  });
  return written === undefined ? ['phases'] : [...written.path, 'needs'];
}

/** Enters the own `needs` of steps into the order, and tells those that can never be met. */
function linkSteps(reading: PlanReading, { isOrdered }: OrderFinding): void {
  const { problems, order, steps } = reading;
  const ids = new Set(steps.map(({ id }) => id));
  for (const { id, path, step } of steps) {
    for (const [index, need] of (step?.needs ?? []).entries()) {
      const at = [...path, 'needs', index];
      if (!ids.has(need)) tellUnknownStep(reading, at, id, need);
      else if (isOrdered && (need === id || order.isBefore(id, need))) {
        const message = `these steps wait for each other: ${need === id ? `${id} → ${id}` : `${id} → ${need} → ${id}`}`;
        const mend = `remove this need: '${need}' cannot begin before '${id}' is over`;
        problems.add({ path: at, code: 'cycle', message, mend: need === id ? 'a step cannot wait for itself' : mend });
      } else order.link(id, need);
    }
  }
}

function tellUnknownStep({ problems, steps, outline }: PlanReading, path: Path, id: string, need: string): void {
  const phase = need.slice(0, need.indexOf('/'));
  // A broken step, or a phase that could not be read, may well be the one that is meant.
  const inPhase = steps.filter((step) => step.id.startsWith(`${phase}/`));
  const isUnread = outline.phases.some(({ name, source }) => source === null && (name === null || name === phase));
  if (isUnread || inPhase.some(({ kind }) => kind === null)) return;
  const own = id.startsWith(`${phase}/`);
  const known = own ? inPhase.map((step) => step.id.slice(phase.length + 1)) : steps.map((step) => step.id);
  const written = own ? need.slice(phase.length + 1) : need;
  problems.add({ path, code: 'unknown-step', message: `unknown step '${written}'`, mend: suggest(written, known) });
}

type Ramp = Extract<Step, { kind: 'ramp' }>;

function checkRampedOnce(reading: PlanReading): ReadonlyMap<string, Ramp> {
  const ramps = new Map<string, Ramp>();
  for (const { step, path } of reading.steps) {
    if (step?.kind !== 'ramp') continue;
    const before = ramps.get(step.flag);
    if (before === undefined) {
      ramps.set(step.flag, step);
      continue;
    }
    const message = `'${step.flag}' is ramped already in '${before.id}'`;
    reading.problems.add({ path: [...path, 'ramp'], code: 'ramped-twice', message, mend: 'ramp each flag once' });
  }
  return ramps;
}

/** A flag whose prerequisite nobody ever gets would be ramped for nobody. */
function tellNeverRamped(reading: PlanReading, flag: string, required: string): void {
  const { plan, problems, steps, outline } = reading;
  const isUnread = steps.some(({ kind }) => kind === null) || outline.phases.some(({ source }) => source === null);
  const isBroken = steps.some(({ step, source }) => step === null && source['ramp'] === required);
  if (isUnread || isBroken || plan.flags[required] === undefined || problems.hasCode('duplicate-phase')) return;
  const index = plan.flags[flag]?.requires.indexOf(required) ?? 0;
  const message = `'${flag}' requires '${required}', which no step ramps: nobody would ever see it`;
  const mend = `add a step 'ramp: ${required}' before it, or drop the requirement`;
  problems.add({ path: ['flags', flag, 'requires', index], code: 'never-met', message, mend });
}

function checkPrerequisites(
  reading: PlanReading,
  ramps: ReadonlyMap<string, Ramp>,
  cycles: readonly (readonly string[])[],
): void {
  const { plan, problems, order } = reading;
  for (const [flag, ramp] of ramps) {
    for (const required of plan.flags[flag]?.requires ?? []) {
      const first = ramps.get(required);
      if (first === undefined) tellNeverRamped(reading, flag, required);
      const isTold = cycles.some((cycle) => cycle.includes(flag) && cycle.includes(required));
      if (first === undefined || isTold || order.isBefore(first.id, ramp.id)) continue;
      const path = [...stepPath(reading, ramp.id), 'ramp'];
      const message = `'${flag}' requires '${required}', which is not ramped before it`;
      const mend = `put '${first.id}' before '${ramp.id}', or let its phase need that one`;
      problems.add({ path, code: 'ramp-order', message, mend });
    }
  }
}
