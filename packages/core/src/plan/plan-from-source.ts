import { utf8Length } from '../flag/index.ts';
import { checkPlan } from './check-plan.ts';
import { PLAN_LIMITS } from './limits.ts';
import type { Phase, Plan } from './plan.ts';
import { type Path, Problems } from './problems.ts';
import { readChannel, readFlag, readGate, readPerson, readRisk, readSegment, readSignal } from './read-parts.ts';
import { readStep } from './read-step.ts';
import { type PlanNames, type ReadingContext, requireName } from './reading-context.ts';
import { type PlanShell, planShellSchema } from './source-schema.ts';
import { fillVariables } from './variables.ts';
import { reportIssues } from './zod-problems.ts';

export interface ReadPlan {
  /** Only when nothing is wrong with it. */
  readonly plan: Plan | null;
  readonly problems: Problems;
}

/** Checks a plan's source, whatever it was written in, and tells every problem at once. */
export function planFromSource(source: unknown, variables: Readonly<Record<string, string>> = {}): ReadPlan {
  const problems = new Problems();
  const filled = fillVariables(problems, source, variables);
  const shell = readShell(problems, filled);
  if (shell === null) return { plan: null, problems };
  const context: ReadingContext = { problems, names: namesOf(shell) };
  for (const [name, signal] of Object.entries(shell.signals ?? {})) {
    context.names.readSignals.set(name, readSignal(context, name, signal));
  }
  const places = { phases: new Map<string, Path>(), steps: new Map<string, Path>() };
  const plan = assemble(context, shell, places);
  // A plan with broken parts is checked as far as it was read; what was left out only hides problems, never makes new ones.
  if (places.steps.size > 0 && !problems.isTouched(['phases'])) checkPlan(problems, plan, places);
  return { plan: problems.hasErrors ? null : plan, problems };
}

/** The outline of the plan. Parts with a wrong shape are told and taken out, so that the rest is checked too. */
function readShell(problems: Problems, source: unknown): PlanShell | null {
  const first = planShellSchema.safeParse(source, { reportInput: true });
  if (first.success) return first.data;
  reportIssues(problems, [], first.error.issues, Object.keys(planShellSchema.shape));
  const pruned: unknown = JSON.parse(JSON.stringify(source) ?? 'null');
  for (const issue of first.error.issues) prune(pruned, issue.path, issue.code === 'unrecognized_keys' ? issue.keys : []);
  const second = planShellSchema.safeParse(withRequired(pruned), { reportInput: true });
  return second.success ? second.data : null;
}

function prune(source: unknown, path: readonly PropertyKey[], keys: readonly string[]): void {
  if (keys.length > 0) {
    const parent = path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key], source);
    for (const key of keys) delete (parent as Record<string, unknown> | undefined)?.[key];
    return;
  }
  const last = path.at(-1);
  const parent = path.slice(0, -1).reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key], source);
  if (last === undefined || typeof parent !== 'object' || parent === null || Array.isArray(parent)) return;
  delete (parent as Record<PropertyKey, unknown>)[last];
}

/** Stand-ins for what is missing at the top, which has been told already. */
function withRequired(source: unknown): unknown {
  return typeof source === 'object' && source !== null ? { plan: 'unnamed', cohort: 'userId', ...source } : source;
}

function namesOf(shell: PlanShell): PlanNames {
  const keys = (part: object | undefined): ReadonlySet<string> => new Set(Object.keys(part ?? {}));
  const rolesHeld = new Map<string, number>();
  for (const [name, source] of Object.entries(shell.people ?? {})) {
    for (const role of new Set(readPerson(name, source).roles)) rolesHeld.set(role, (rolesHeld.get(role) ?? 0) + 1);
  }
  return {
    signals: keys(shell.signals),
    gates: keys(shell.gates),
    risks: keys(shell.risks),
    segments: keys(shell.segments),
    flags: keys(shell.flags),
    channels: keys(shell.channels),
    messages: keys(shell.messages),
    phases: shell.phases.map(({ phase }) => phase),
    rolesHeld,
    readSignals: new Map(),
  };
}

function assemble(context: ReadingContext, shell: PlanShell, places: { phases: Map<string, Path>; steps: Map<string, Path> }): Plan {
  checkLimits(context, shell);
  const read = <Source, Result>(part: Readonly<Record<string, Source>> | undefined, reader: (name: string, source: Source) => Result | null) =>
    Object.fromEntries(
      Object.entries(part ?? {}).flatMap(([name, source]) => {
        const result = reader(name, source);
        return result === null ? [] : [[name, result] as const];
      }),
    );
  return {
    kind: 'plan',
    name: shell.plan,
    title: shell.title ?? shell.plan,
    cohort: shell.cohort,
    salt: readSalt(context, shell),
    timeCompression: 1,
    signals: read(Object.fromEntries(context.names.readSignals), (_name, signal) => signal),
    gates: read(shell.gates, (name, gate) => readGate(context, name, gate)),
    risks: read(shell.risks, (name, risk) => readRisk(context, name, risk)),
    segments: read(shell.segments, (name, segment) => readSegment(context, name, segment)),
    flags: read(shell.flags, (key, flag) => readFlag(context, key, flag)),
    people: read(shell.people, (name, person) => readPerson(name, person)),
    channels: read(shell.channels, (name, channel) => readChannel(context, name, channel)),
    messages: shell.messages ?? {},
    phases: readPhases(context, shell, places),
  };
}

function readPhases(context: ReadingContext, shell: PlanShell, places: { phases: Map<string, Path>; steps: Map<string, Path> }): readonly Phase[] {
  const taken = new Set<string>();
  return shell.phases.flatMap((source, index) => {
    const path: Path = ['phases', index];
    if (places.phases.has(source.phase)) {
      const message = `there is a phase '${source.phase}' already`;
      context.problems.add({ path: [...path, 'phase'], code: 'duplicate-phase', message, mend: 'give it another name' });
      return [];
    }
    places.phases.set(source.phase, path);
    const before = shell.phases[index - 1]?.phase;
    const needs = source.needs ?? (before === undefined ? [] : [before]);
    source.needs?.forEach((need, at) => void requireName(context, [...path, 'needs', at], 'phase', need, context.names.phases));
    const steps = source.steps.flatMap((step, at) => {
      const place = {
        phase: source.phase,
        path: [...path, 'steps', at],
        taken,
        risks: shell.risks ?? {},
        riskOf: (flag: string) => shell.flags?.[flag]?.risk,
      };
      const read = readStep(context, place, step);
      if (read !== null) places.steps.set(read.id, place.path);
      return read ?? [];
    });
    return [{ name: source.phase, title: source.title ?? source.phase, needs, steps }];
  });
}

const SALT_WORD = 4;

/** The salt of a plan that names none: its own name, filled up to a multiple of four. It outlives every version. */
function readSalt(context: ReadingContext, shell: PlanShell): string {
  if (shell.salt === undefined) return shell.plan.padEnd(Math.ceil(shell.plan.length / SALT_WORD) * SALT_WORD, '.');
  if (/^[\x21-\x7e]+$/.test(shell.salt) && utf8Length(shell.salt) % SALT_WORD === 0) return shell.salt;
  const message = `the salt '${shell.salt}' has ${shell.salt.length} characters`;
  context.problems.add({ path: ['salt'], code: 'invalid-salt', message, mend: 'its length must be a multiple of four, in plain ASCII without spaces' });
  return shell.salt;
}

function checkLimits(context: ReadingContext, shell: PlanShell): void {
  for (const part of ['flags', 'signals', 'gates', 'segments', 'people'] as const) {
    const size = Object.keys(shell[part] ?? {}).length;
    if (size <= PLAN_LIMITS[part]) continue;
    const message = `${size} ${part} are too many`;
    context.problems.add({ path: [part], code: 'too-many', message, mend: `${PLAN_LIMITS[part]} is the most` });
  }
}
