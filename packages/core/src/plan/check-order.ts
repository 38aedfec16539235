import { MIGRATION_STAGES } from '../flag/index.ts';
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
  const ramps = checkRampedOnce(reading, { isOrdered });
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

/** How a flag gets to its people: the step by which it begins to, and the one after which it is on the candidate. */
interface Climbed {
  readonly first: Ramp;
  readonly live: Ramp;
}

function checkRampedOnce(reading: PlanReading, { isOrdered }: OrderFinding): ReadonlyMap<string, Climbed> {
  const ramps = new Map<string, Ramp[]>();
  for (const { step, path } of reading.steps) {
    if (step?.kind !== 'ramp') continue;
    const known = ramps.get(step.flag) ?? [];
    const before = known.find(({ move }) => move?.to === step.move?.to);
    if (before === undefined) ramps.set(step.flag, [...known, step]);
    else tellTwice(reading, path, step, before);
  }
  for (const [flag, known] of ramps) checkStages(reading, flag, known, isOrdered);
  return new Map(
    [...ramps].flatMap(([flag, [first, ...more]]): readonly [string, Climbed][] => {
      if (first === undefined) return [];
      const live = [first, ...more].find(({ move }) => move === undefined || move.to === 'live');
      return live === undefined ? [] : [[flag, { first, live }]];
    }),
  );
}

function tellTwice({ problems }: PlanReading, path: Path, { flag, move }: Ramp, before: Ramp): void {
  const isStage = move !== undefined;
  const message = isStage
    ? `'${flag}' comes to ${move.to} already in '${before.id}'`
    : `'${flag}' is ramped already in '${before.id}'`;
  const mend = isStage ? 'bring it to each stage once' : 'ramp each flag once';
  problems.add({ path: [...path, isStage ? 'to' : 'ramp'], code: 'ramped-twice', message, mend });
}

/** A migration moves from each stage to the next, and from no stage further: what is skipped would never be proven. */
function checkStages(reading: PlanReading, flag: string, ramps: readonly Ramp[], isOrdered: boolean): void {
  const { problems, plan, order } = reading;
  const isMigration = plan.flags[flag]?.migration !== undefined;
  for (const { id, move } of ramps) {
    const path = stepPath(reading, id);
    if ((move !== undefined) !== isMigration) {
      const message = isMigration
        ? `'${flag}' is a migration: it moves by stages, not by a ramp`
        : `'${flag}' is no migration, so it has no stages`;
      const mend = isMigration
        ? `write 'stage: ${flag}' with 'to: dualwrite', then shadow, live, rampdown and complete`
        : `give the flag 'migration: {}', or write 'ramp: ${flag}'`;
      problems.add({ path: [...path, isMigration ? 'ramp' : 'stage'], code: 'wrong-move', message, mend });
    }
    if (move === undefined || move.from === 'off') continue;
    const before = ramps.find((other) => other.move?.to === move.from);
    if (before !== undefined && (!isOrdered || order.isBefore(before.id, id))) continue;
    // A broken step may well be the one that is missing.
    if (reading.steps.some(({ step, source }) => step === null && source['stage'] === flag)) continue;
    const reached = ramps.filter((other) => order.isBefore(other.id, id)).flatMap((other) => other.move?.to ?? []);
    const missing = MIGRATION_STAGES.slice(1, MIGRATION_STAGES.indexOf(move.to)).filter(
      (stage) => !reached.includes(stage),
    );
    const message = `'${flag}' cannot come to ${move.to} from ${reached.at(-1) ?? 'off'}: it would pass over ${missing.join(', ')}`;
    const mend =
      before === undefined
        ? `bring it to ${missing.join(', then ')} in steps before this one`
        : `put '${before.id}' before '${id}', or let its phase need that one`;
    problems.add({ path: [...path, 'to'], code: 'skipped-stage', message, mend });
  }
}

/** A flag whose prerequisite nobody ever gets would be ramped for nobody. */
function tellNeverRamped(reading: PlanReading, flag: string, required: string): void {
  const { plan, problems, steps, outline } = reading;
  const isUnread = steps.some(({ kind }) => kind === null) || outline.phases.some(({ source }) => source === null);
  const isBroken = steps.some(
    ({ step, source }) => step === null && (source['ramp'] === required || source['stage'] === required),
  );
  if (isUnread || isBroken || plan.flags[required] === undefined || problems.hasCode('duplicate-phase')) return;
  const index = plan.flags[flag]?.requires.indexOf(required) ?? 0;
  const message = `'${flag}' requires '${required}', which no step ramps: nobody would ever see it`;
  const mend = `add a step 'ramp: ${required}' before it, or drop the requirement`;
  problems.add({ path: ['flags', flag, 'requires', index], code: 'never-met', message, mend });
}

function checkPrerequisites(
  reading: PlanReading,
  ramps: ReadonlyMap<string, Climbed>,
  cycles: readonly (readonly string[])[],
): void {
  const { plan, problems, order } = reading;
  for (const [flag, { first: ramp }] of ramps) {
    for (const required of plan.flags[flag]?.requires ?? []) {
      const first = ramps.get(required)?.live;
      if (first === undefined) tellNeverRamped(reading, flag, required);
      const isTold = cycles.some((cycle) => cycle.includes(flag) && cycle.includes(required));
      if (first === undefined || isTold || order.isBefore(first.id, ramp.id)) continue;
      const path = [...stepPath(reading, ramp.id), ramp.move === undefined ? 'ramp' : 'stage'];
      const message = `'${flag}' requires '${required}', which is not ramped before it`;
      const mend = `put '${first.id}' before '${ramp.id}', or let its phase need that one`;
      problems.add({ path, code: 'ramp-order', message, mend });
    }
  }
}
