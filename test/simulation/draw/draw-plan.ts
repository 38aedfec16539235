import { type Plan, type PlanSource, planFromSource } from '@theseus/core/plan';
import type { Random } from '../random.ts';
import { drawGate, EVERY, SELDOM, SIGNALS } from './draw-gate.ts';
import { drawApprovers, drawCommon, drawSteps, type StepContext, type StepSource } from './draw-step.ts';

const MINUTE = 60_000;

type PhaseSource = PlanSource['phases'][number];
type ContingencySource = NonNullable<NonNullable<PlanSource['contingencies']>[string]>;
type FlagSource = NonNullable<NonNullable<PlanSource['flags']>[string]>;

/** Nobody of this name stands in a plan: what they approve must not count where roles are asked for. */
export const OUTSIDER = 'mallory';

const PEOPLE = {
  ana: ['tech-lead', 'operator'],
  ben: ['release'],
  cem: ['release', 'tech-lead'],
  dee: ['security', 'release'],
};

export const PEOPLE_AND_OUTSIDER = [...Object.keys(PEOPLE), OUTSIDER];

const THROUGH = [
  ['1%', '10%', '50%', '100%'],
  ['10%', '50%', '100%'],
  ['25%', '75%'],
  ['0.5%', '5%', '20%', '60%', '100%'],
  ['100%'],
  ['0% for 2m', '10%', '100%'],
  ['5% for 10m', '25% for 30s', '100% for 5m'],
] as const;

/** Draws until the plan's own checks accept one: a run is always of a plan that a person could apply. */
export function drawPlan(random: Random, startAt: number): PlanSource {
  for (;;) {
    const source = drawSource(random, startAt);
    if (planOf(source) !== null) return source;
  }
}

export function planOf(source: PlanSource): Plan | null {
  return planFromSource(source).plan;
}

function drawSource(random: Random, startAt: number): PlanSource {
  const hasWindows = random.chance(0.25);
  const hasBaseline = random.chance(0.6);
  const hasLaunch = random.chance(0.2);
  const gates = Array.from({ length: random.int(1, 2) }, (_, index) => `gate-${index + 1}`);
  const flags = drawFlags(random);
  let named = 0;
  const context: StepContext = {
    random,
    gates,
    ramped: [],
    startAt,
    hasWindows,
    hasLaunch,
    name: (word) => `${word}-${++named}`,
    mayUndo: true,
    artefacts: [],
  };
  return {
    plan: 'simulated',
    ...(hasLaunch ? { launch: new Date(startAt + random.int(0, 180) * MINUTE).toISOString() } : {}),
    cohort: 'userId',
    signals: SIGNALS,
    gates: Object.fromEntries(gates.map((name) => [name, drawGate(random, { hasBaseline, hasWindows })])),
    risks: { some: drawRisk(random) },
    flags: Object.fromEntries(flags),
    people: PEOPLE,
    channels: { chat: { console: true } },
    messages: { news: '{{ phase.name }} of {{ plan.title }}', trouble: '{{ trouble.target }}: {{ trouble.standing }}' },
    ...(random.chance(0.25) ? { contingencies: drawContingencies(random, [...flags.keys()], hasWindows) } : {}),
    ...(random.chance(0.3) ? { rollback: drawRollback(random) } : {}),
    phases: [...drawPhases(context, [...flags.keys()], { hasBaseline })],
  };
}

function drawRisk(random: Random) {
  const approve = random.chance(0.4)
    ? { approve: { from: random.pick(['10%', '50%', '100%']), ...drawApprovers({ random }) } }
    : {};
  return { through: [...random.pick(THROUGH)], soak: random.pick(['1m', '5m', '15m']), ...approve };
}

const TELL = { notify: 'chat', message: 'trouble' };

function drawContingencies(random: Random, flags: readonly string[], hasWindows: boolean) {
  const flag = random.pick(flags);
  const actions: readonly ContingencySource['do'][number][] = [
    { rollback: random.pick(flags) },
    { run: 'tighten' },
    TELL,
  ];
  const drawn = random.some(actions, 0.6);
  const when = random.pick([{ when: 'errors > 20%', flag }, { when: 'queue > 100 for 1m' }, {}] as const);
  const every = random.pick(hasWindows ? SELDOM : EVERY);
  const contingency: ContingencySource = {
    title: 'When it comes',
    ...when,
    ...('when' in when ? { every } : {}),
    do: drawn.length === 0 ? [TELL] : [...drawn],
    ...(random.chance(0.4) ? { again: random.pick(['5m', '1h']) } : {}),
  };
  return { trouble: contingency };
}

function drawRollback(random: Random) {
  const afterwards = random.some([{ run: 'scale-down' }, TELL], 0.6);
  return {
    ...(afterwards.length > 0 ? { afterwards: [...afterwards] } : {}),
    ...(random.chance(0.6) ? { escalate: TELL } : {}),
  };
}

/** Flags in the order in which they are ramped; each may require some before it. */
function drawFlags(random: Random): ReadonlyMap<string, FlagSource> {
  const flags = new Map<string, FlagSource>();
  for (let index = random.int(1, 4); index > 0; index -= 1) {
    const before = [...flags.keys()];
    flags.set(`flag-${flags.size + 1}`, { risk: 'some', requires: [...random.some(before, 0.5)] });
  }
  return flags;
}

function drawPhases(
  context: StepContext,
  flags: readonly string[],
  { hasBaseline }: { readonly hasBaseline: boolean },
): readonly PhaseSource[] {
  const { random } = context;
  const count = random.int(1, 4);
  // Flags keep their order over the phases, so that what is required is ramped before.
  const places = flags.map(() => random.int(1, count)).sort((left, right) => left - right);
  const ramped: string[] = [];
  return Array.from({ length: count }, (_, index): PhaseSource => {
    const steps: StepSource[] = [];
    if (index === 0 && hasBaseline) steps.push({ baseline: { over: random.pick(['10m', '24h']) } });
    const own = { ...context, ramped, artefacts: [] };
    for (const flag of flags.filter((_flag, at) => places[at] === index + 1)) {
      if (random.chance(0.4)) steps.push(...drawSteps(own));
      steps.push(drawRamp(own, flag));
      ramped.push(flag);
    }
    for (let left = random.int(steps.length === 0 ? 1 : 0, 2); left > 0; left -= 1) steps.push(...drawSteps(own));
    context.mayUndo = own.mayUndo;
    const needs = drawNeeds(random, index);
    return { phase: `phase-${index + 1}`, ...(needs === null ? {} : { needs: [...needs] }), steps };
  });
}

/** Mostly the phase before; sometimes any, or none, so that phases run side by side. */
function drawNeeds(random: Random, index: number): readonly string[] | null {
  if (random.chance(0.6)) return null;
  const before = Array.from({ length: index }, (_, at) => `phase-${at + 1}`);
  return random.some(before, 0.5);
}

function drawRamp(context: StepContext, flag: string): StepSource {
  const { random } = context;
  const { undo: _undo, ...common } = drawCommon(context, 'ramp');
  return {
    ...common,
    ramp: flag,
    gate: random.pick(context.gates),
    ...(random.chance(0.4) ? { through: [...random.pick(THROUGH)] } : {}),
    ...(random.chance(0.3) ? { soak: random.pick(['30s', '2m', '20m']) } : {}),
    ...('window' in common && random.chance(0.3) ? { pace: 'one per window' as const } : {}),
    ...(random.chance(0.25) ? { approve: { from: random.pick(['1%', '50%']), ...drawApprovers(context) } } : {}),
    ...(random.chance(0.4) ? { verify: [{ http: 'http://service.test/legacy' }] } : {}),
  };
}
