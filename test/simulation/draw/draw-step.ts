import type { PlanSource } from '@theseus/core/plan';
import type { Random } from '../random.ts';

export type StepSource = PlanSource['phases'][number]['steps'][number];

export interface StepContext {
  readonly random: Random;
  readonly gates: readonly string[];
  /** Flags ramped so far. */
  readonly ramped: readonly string[];
  readonly startAt: number;
  readonly hasWindows: boolean;
  /** Whether the plan names an instant that is T. */
  readonly hasLaunch: boolean;
  /** Names a new step or artefact. */
  readonly name: (word: string) => string;
  /** Past an irreversible step no undo may be promised. */
  mayUndo: boolean;
  /** Artefacts captured in this phase. */
  readonly artefacts: string[];
}

interface StepRecipe {
  readonly weight: number;
  readonly draw: (context: StepContext) => readonly StepSource[];
}

const APPROVERS = ['tech-lead', '2 of release', ['tech-lead', 'release'], ['security'], undefined] as const;
const TIMEOUTS = ['1m', '10m', '2h'] as const;
const MOMENTS = ['T-30m', 'T', 'T+15m'] as const;

export function drawApprovers({ random }: { readonly random: Random }): { readonly by?: string | string[] } {
  const by = random.pick(APPROVERS);
  return by === undefined ? {} : { by: typeof by === 'string' ? by : [...by] };
}

/** What any step may carry. */
export function drawCommon(context: StepContext, word: string) {
  const { random } = context;
  return {
    name: context.name(word),
    ...(random.chance(0.12) ? { timeout: random.pick(TIMEOUTS) } : {}),
    ...(context.hasWindows && random.chance(0.3) ? { window: drawWindow(random) } : {}),
    ...(context.hasLaunch && random.chance(0.1) ? { at: random.pick(MOMENTS) } : {}),
    ...(random.chance(0.1) ? { takes: random.pick(TIMEOUTS) } : {}),
    ...(context.mayUndo && random.chance(0.4) ? { undo: drawUndo(context), budget: random.pick(['30s', '10m']) } : {}),
  };
}

function drawUndo({ random, artefacts }: StepContext) {
  const artefact = artefacts.at(-1);
  const command = artefact !== undefined && random.chance(0.5) ? `take-back \${{ ${artefact} }}` : 'take-back';
  if (random.chance(0.5)) return command;
  return {
    try: random.chance(0.5) ? [command] : [command, 'restore-all'],
    ...(random.chance(0.4) ? { attempts: random.int(2, 3) } : {}),
    ...(random.chance(0.3) ? { onlyIf: { run: 'is-it-the-cause' } } : {}),
    ...(random.chance(0.5) ? { rehearsable: true } : {}),
  };
}

export function drawWindow(random: Random): string {
  if (random.chance(0.1)) return random.pick(['Mon-Fri 06:00-22:00 UTC', '02:00-06:00, 10:00-19:30 Europe/Berlin']);
  const from = random.int(0, 23);
  const to = (from + random.int(4, 20)) % 24;
  const clock = (hour: number): string => `${String(hour).padStart(2, '0')}:${random.chance(0.2) ? '30' : '00'}`;
  return `${clock(from)}-${clock(to)} ${random.pick(['UTC', 'Europe/Berlin', 'America/New_York'])}`;
}

function drawCommand(context: StepContext, word: string) {
  const { random } = context;
  const common = drawCommon(context, word);
  const repeatable = random.chance(0.5) ? { repeatable: true } : {};
  if (!random.chance(0.4)) return { ...common, ...repeatable };
  const artefact = context.name('artefact');
  context.artefacts.push(artefact);
  return { ...common, ...repeatable, capture: { [artefact]: 'saved as (\\S+)' } };
}

/** A step that cannot be taken back, behind the approval it needs. */
function drawIrreversible(context: StepContext): readonly StepSource[] {
  const { undo: _undo, budget: _budget, ...common } = drawCommon(context, 'drop');
  context.mayUndo = false;
  return [
    { ...drawApprovers(context), approve: 'Really?', name: context.name('agree') },
    { ...common, run: 'drop-old-table', irreversible: true },
  ];
}

/** A new kind of step is one entry here. Ramps are placed by the plan, since each flag has exactly one. */
const RECIPES: readonly StepRecipe[] = [
  {
    weight: 2,
    draw: (context) => [{ ...drawCommon(context, 'check'), check: { http: 'http://service.test/health' } }],
  },
  { weight: 1, draw: (context) => [{ ...drawCommon(context, 'check'), check: { run: 'probe' } }] },
  { weight: 3, draw: (context) => [{ ...drawCommand(context, 'run'), run: 'migrate' }] },
  {
    weight: 2,
    draw: (context) => {
      const verify = context.random.chance(0.7) ? { verify: 'restore-into-scratch' } : {};
      return [{ ...drawCommand(context, 'backup'), backup: context.name('copy'), run: 'dump', ...verify }];
    },
  },
  { weight: 1, draw: drawIrreversible },
  {
    weight: 2,
    draw: (context) => [{ ...drawCommon(context, 'approve'), ...drawApprovers(context), approve: 'Go on?' }],
  },
  {
    weight: 2,
    draw: (context) => [{ ...drawCommon(context, 'wait'), wait: context.random.pick(['10s', '5m', '40m']) }],
  },
  {
    weight: 1,
    draw: (context) => {
      const at = context.startAt + context.random.int(0, 360) * 60_000;
      return [{ ...drawCommon(context, 'wait'), wait: { until: new Date(at).toISOString() } }];
    },
  },
  {
    weight: 2,
    draw: (context) => {
      const { random } = context;
      const watch = { for: random.pick(['2m', '10m', '30m']), flags: [...random.some(context.ramped, 0.5)] };
      return [{ ...drawCommon(context, 'watch'), watch, gate: random.pick(context.gates) }];
    },
  },
  { weight: 2, draw: (context) => [{ ...drawCommon(context, 'tell'), notify: 'chat', message: 'news' }] },
  { weight: 1, draw: (context) => [{ ...drawCommon(context, 'rehearse'), rehearse: 'rollback' }] },
  { weight: 1, draw: ({ name }) => [{ point: name('point') }] },
  {
    weight: 0.7,
    draw: (context) => {
      const { undo: _undo, budget: _budget, ...common } = drawCommon(context, 'freeze');
      return [{ ...common, freeze: 'freeze on', lift: 'freeze off' }];
    },
  },
];

export function drawSteps(context: StepContext): readonly StepSource[] {
  return context.random.weighted(RECIPES).draw(context);
}
