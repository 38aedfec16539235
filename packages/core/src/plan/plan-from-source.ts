import { utf8Length } from '../flag/index.ts';
import { parseInstant } from '../time/index.ts';
import { checkPlan } from './check-plan.ts';
import { sourceHash } from './content-hash.ts';
import { chooseEnvironment } from './environments.ts';
import { PLAN_LIMITS } from './limits.ts';
import type { ExpectedTraffic, Phase, Plan, Signal } from './plan.ts';
import type { StepReading } from './plan-reading.ts';
import { Problems } from './problems.ts';
import { readContingency, readRollbackPolicy } from './read-contingency.ts';
import { isMap, type Outline, type OutlinePhase, readOutline } from './read-outline.ts';
import { readChannel, readFlag, readGate, readPerson, readRisk } from './read-parts.ts';
import { readSegment } from './read-segment.ts';
import { readSignal } from './read-signal.ts';
import { readStep, readWindows } from './read-step.ts';
import { type PlanNames, type ReadingContext, requireName } from './reading-context.ts';
import { settleFreshness } from './signal-freshness.ts';
import { StepOrder } from './step-order.ts';
import { fillVariables } from './variables.ts';

export interface ReadPlan {
  /** Only when nothing is wrong with it. */
  readonly plan: Plan | null;
  readonly problems: Problems;
}

/** Checks a plan's source, whatever it was written in, and tells every problem at once. */
export function planFromSource(source: unknown, options: SourceOptions = {}): ReadPlan {
  const problems = new Problems();
  const environment = chooseEnvironment(problems, source, options.environment);
  if (environment === null) return { plan: null, problems };
  const outline = readOutline(problems, fillVariables(problems, environment.source, options.variables ?? {}));
  if (outline === null) return { plan: null, problems };
  const context: ReadingContext = { problems, names: namesOf(problems, outline) };
  for (const [name, text] of outline.parts.windows) {
    context.names.readWindows.set(name, readWindows(context, ['windows', name], text));
  }
  for (const [name, signal] of outline.signals) {
    context.names.readSignals.set(name, readSignal(context, name, signal));
  }
  const phases = readPhases(context, outline);
  const { name, after } = environment;
  const plan = { ...assemble(context, outline, phases), environment: name, after, contentHash: '' };
  const order = new StepOrder(
    phases.map(({ phase, steps }) => ({ name: phase.name, needs: phase.needs, steps: steps.map(({ id }) => id) })),
  );
  checkPlan({ problems, outline, plan, steps: phases.flatMap(({ steps }) => steps), order });
  // Only now: a source that is nested without end has no hash, and is an error by then.
  return { plan: problems.hasErrors ? null : { ...plan, contentHash: sourceHash(source) }, problems };
}

export interface SourceOptions {
  /** Values over the plan's own variables. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Which of the plan's environments is meant; needed where it has any. */
  readonly environment?: string;
}

function namesOf(problems: Problems, { names, parts, phases, uncertain, launch }: Outline): PlanNames {
  const rolesHeld = new Map<string, number>();
  for (const [name, source] of parts.people) {
    for (const role of new Set(readPerson(name, source).roles)) rolesHeld.set(role, (rolesHeld.get(role) ?? 0) + 1);
  }
  return {
    ...names,
    phases: phases.flatMap(({ name }) => name ?? []),
    points: new Set(phases.flatMap(({ source }) => source?.steps ?? []).flatMap(pointOf)),
    readWindows: new Map(),
    launchAt: launch === undefined ? null : readLaunch(problems, launch),
    rolesHeld,
    readSignals: new Map(),
    uncertain,
  };
}

function pointOf(step: unknown): readonly string[] {
  return isMap(step) && typeof step['point'] === 'string' ? [step['point']] : [];
}

function readLaunch(problems: Problems, text: string): number | undefined {
  const at = parseInstant(text);
  if (at !== null) return at;
  const mend = 'write 2026-05-05T09:00:00Z or 2026-05-05T09:00[Europe/Berlin]';
  problems.add({ path: ['launch'], code: 'invalid-instant', message: `'${text}' is not an instant`, mend });
  return undefined;
}

function assemble(
  context: ReadingContext,
  outline: Outline,
  phases: readonly PhaseReading[],
): Omit<Plan, 'environment' | 'after' | 'contentHash'> {
  const { parts } = outline;
  const gates = readEach(parts.gates, (name, gate) => readGate(context, name, gate));
  const read = readEach<Signal | null, Signal>(context.names.readSignals, (_name, signal) => signal);
  return {
    kind: 'plan',
    name: outline.plan,
    title: outline.title ?? outline.plan,
    cohort: outline.cohort,
    salt: readSalt(context, outline),
    timeCompression: 1,
    launchAt: context.names.launchAt ?? null,
    ...(outline.traffic === undefined ? {} : { traffic: readTraffic(outline.traffic) }),
    signals: settleFreshness(read, gates, outline.signals),
    gates,
    risks: readEach(parts.risks, (name, risk) => readRisk(context, name, risk)),
    segments: readEach(parts.segments, (name, segment) => readSegment(context, name, segment)),
    flags: readEach(parts.flags, (key, flag) => readFlag(context, key, flag)),
    people: readEach(parts.people, (name, person) => readPerson(name, person)),
    channels: readEach(parts.channels, (name, channel) => readChannel(context, name, channel)),
    messages: readEach(parts.messages, (_name, text) => text),
    contingencies: readEach(parts.contingencies, (name, source) => readContingency(context, name, source)),
    rollback: readRollbackPolicy(context, outline.rollback),
    phases: phases.map(({ phase }) => phase),
  };
}

function readTraffic({ users, requests = 1 }: NonNullable<Outline['traffic']>): ExpectedTraffic {
  return { users, requestsPerUserMinute: requests };
}

/** Reads every entry of a part; broken ones are left out. */
function readEach<Source, Result>(
  part: ReadonlyMap<string, Source>,
  reader: (name: string, source: Source) => Result | null,
): Readonly<Record<string, Result>> {
  const entries = [...part].flatMap(([name, source]) => {
    const result = reader(name, source);
    return result === null ? [] : [[name, result] as const];
  });
  return Object.fromEntries(entries);
}

interface PhaseReading {
  readonly phase: Phase;
  readonly steps: readonly StepReading[];
}

function readPhases(context: ReadingContext, outline: Outline): readonly PhaseReading[] {
  const taken = new Set<string>();
  const names = new Set<string>();
  const phases = outline.phases.flatMap((written, index) => {
    const name = written.name ?? `phase-${index + 1}`;
    if (names.has(name)) {
      const message = `there is a phase '${name}' already`;
      const path = [...written.path, 'phase'];
      context.problems.add({ path, code: 'duplicate-phase', message, mend: 'give it another name' });
      return [];
    }
    names.add(name);
    return readPhase(context, outline, { ...written, name, before: outline.phases[index - 1]?.name ?? null, taken });
  });
  const count = phases.reduce((sum, { steps }) => sum + steps.length, 0);
  if (count > PLAN_LIMITS.steps) {
    const mend = `${PLAN_LIMITS.steps} is the most`;
    context.problems.add({
      path: ['phases'],
      code: 'too-many',
      message: `${count} steps are too many`,
      mend,
      atKey: true,
    });
  }
  return phases;
}

interface PhasePlace extends OutlinePhase {
  readonly name: string;
  /** The phase before it in the file, which it needs unless it says otherwise. */
  readonly before: string | null;
  readonly taken: Set<string>;
}

function readPhase(context: ReadingContext, { parts }: Outline, place: PhasePlace): PhaseReading {
  const { name, path, source, before, taken } = place;
  source?.needs?.forEach((need, at) => {
    requireName(context, [...path, 'needs', at], 'phase', need, context.names.phases);
  });
  const steps = (source?.steps ?? []).map((step, at) =>
    readStep(
      context,
      {
        phase: name,
        path: [...path, 'steps', at],
        taken,
        risks: parts.risks,
        riskOf: (flag) => parts.flags.get(flag)?.risk,
      },
      step,
    ),
  );
  const needs = source?.needs ?? (before === null ? [] : [before]);
  const whole = steps.flatMap(({ step }) => step ?? []);
  return { phase: { name, title: source?.title ?? name, needs, steps: whole }, steps };
}

const SALT_WORD = 4;

/** The salt of a plan that names none: its own name, filled up to a multiple of four. It outlives every version. */
function readSalt({ problems }: ReadingContext, { salt, plan }: Outline): string {
  if (salt === undefined) return plan.padEnd(Math.ceil(plan.length / SALT_WORD) * SALT_WORD, '.');
  if (/^[\x21-\x7e]+$/.test(salt) && utf8Length(salt) % SALT_WORD === 0) return salt;
  const message = `the salt '${salt}' has ${salt.length} characters`;
  const mend = 'its length must be a multiple of four, in plain ASCII without spaces';
  problems.add({ path: ['salt'], code: 'invalid-salt', message, mend });
  return salt;
}
