import { Random, seedOf } from '../random.ts';
import {
  BOUNDARIES,
  type EffectFault,
  type Fault,
  type Mood,
  type MoodKind,
  type PlannedCommand,
  type PlannedVerb,
  type Scenario,
} from '../scenario.ts';
import { SIGNALS } from './draw-gate.ts';
import { drawArmsMoods, withJudging } from './draw-judging.ts';
import { drawPlan, PEOPLE_AND_OUTSIDER } from './draw-plan.ts';
import { withRetirements } from './draw-retirements.ts';
import { withStages } from './draw-stages.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Two days before Europe changes its clocks; America has changed its own already. */
const FIRST_START = Date.UTC(2026, 2, 27);

const MOODS: readonly { readonly weight: number; readonly kind: MoodKind }[] = [
  { weight: 5, kind: 'bad' },
  { weight: 2, kind: 'flapping' },
  { weight: 1, kind: 'silent' },
  { weight: 1, kind: 'error' },
  { weight: 1, kind: 'not-a-number' },
  { weight: 1, kind: 'stale' },
  { weight: 1, kind: 'few' },
];
const EFFECT_FAULTS: readonly EffectFault[] = ['fails', 'slow', 'twice', 'reported-twice'];

const VERBS: readonly { readonly weight: number; readonly verb: PlannedVerb }[] = [
  { weight: 3, verb: 'pause' },
  { weight: 3, verb: 'resume' },
  { weight: 4, verb: 'approve' },
  { weight: 2, verb: 'reject' },
  { weight: 5, verb: 'promote' },
  { weight: 3, verb: 'retry' },
  { weight: 3, verb: 'rollback-flag' },
  { weight: 2, verb: 'rollback-phase' },
  { weight: 1, verb: 'rollback-plan' },
  { weight: 1, verb: 'rollback-point' },
  { weight: 1, verb: 'pause-system' },
  { weight: 1, verb: 'resume-system' },
  { weight: 2, verb: 'hold' },
  { weight: 2, verb: 'release' },
  { weight: 2, verb: 'skip' },
  { weight: 1, verb: 'promote-to-end' },
  { weight: 2, verb: 'retry-from' },
  { weight: 1, verb: 'trigger' },
  { weight: 2, verb: 'edit' },
  { weight: 0.5, verb: 'cancel' },
  { weight: 0.5, verb: 'abort' },
];

/** Everything about a run, from its seed alone. Half of all runs meet no fault, a third not even an unhealthy source. */
export function drawScenario(seed: number): Scenario {
  const random = new Random(seedOf(seed, 'world'));
  const startAt = FIRST_START + random.int(0, 96) * HOUR;
  const chaosMs = random.pick([10, 30, 60, 120]) * MINUTE;
  const temper = random.int(0, 5);
  const servers = random.chance(0.6) ? 2 : 1;
  const instances = random.int(1, 3);
  return {
    seed,
    source: withRetirements(
      new Random(seedOf(seed, 'retirements')),
      withStages(
        new Random(seedOf(seed, 'stages')),
        withJudging(new Random(seedOf(seed, 'judging')), drawPlan(new Random(seedOf(seed, 'plan')), startAt)),
      ),
    ),
    startAt,
    servers,
    instances,
    chaosMs,
    moods:
      temper < 2
        ? []
        : [
            ...drawMoods(new Random(seedOf(seed, 'moods')), chaosMs),
            ...drawArmsMoods(new Random(seedOf(seed, 'arms')), chaosMs),
          ],
    faults: temper < 3 ? [] : drawFaults(new Random(seedOf(seed, 'faults')), { chaosMs, servers, instances }),
    commands: random.chance(0.6) ? drawCommands(new Random(seedOf(seed, 'commands')), chaosMs) : [],
  };
}

function drawMoods(random: Random, chaosMs: number): readonly Mood[] {
  return Array.from({ length: random.few(3, 8) }, () => {
    const from = random.int(0, chaosMs);
    const forMs = random.pick([20_000, 2 * MINUTE, 10 * MINUTE, chaosMs]);
    const signal = random.pick(Object.keys(SIGNALS));
    return { signal, from, to: Math.min(chaosMs, from + forMs), kind: random.weighted(MOODS).kind };
  });
}

function drawCommands(random: Random, chaosMs: number): readonly PlannedCommand[] {
  const planned = Array.from({ length: random.few(4, 12) }, (): PlannedCommand => {
    const { verb } = random.weighted(VERBS);
    return {
      at: random.int(0, chaosMs),
      person: random.pick(PEOPLE_AND_OUTSIDER),
      verb,
      choice: random.int(0, 1_000),
      overMs: random.pick([0, 0, MINUTE, 10 * MINUTE]),
      aim: random.pick(['none', 'current', 'outdated']),
      isRepeated: random.chance(0.3),
    };
  });
  // Now and then two people click in the same moment.
  const rivals = random.some(planned, 0.2).map((command) => ({ ...command, person: random.pick(PEOPLE_AND_OUTSIDER) }));
  return [...planned, ...rivals].sort((left, right) => left.at - right.at);
}

interface FaultRange {
  readonly chaosMs: number;
  readonly servers: number;
  readonly instances: number;
}

function drawFaults(random: Random, range: FaultRange): readonly Fault[] {
  const faults = Array.from({ length: 1 + random.few(6, 20) }, () => random.weighted(FAULTS).draw(random, range));
  return random.chance(0.3) ? [...faults, ...drawNaps(random)] : faults;
}

/** A process that falls asleep over and over, each time just long enough for another to take over what it drives. */
function drawNaps(random: Random): readonly Fault[] {
  const first = random.int(1, 12);
  return Array.from({ length: 16 }, (_, index) => ({
    kind: 'at-boundary',
    boundary: 'look-judged',
    occurrence: first + index,
    what: 'pause',
    forMs: random.pick([9_000, 14_000, 25_000]),
  }));
}

const FAULTS: readonly { readonly weight: number; readonly draw: (random: Random, range: FaultRange) => Fault }[] = [
  {
    weight: 8,
    draw: (random) => ({
      kind: 'at-boundary',
      boundary: random.pick(BOUNDARIES),
      occurrence: 1 + random.few(8, 60),
      what: random.pick(['crash', 'crash', 'pause', 'database-error']),
      forMs: random.pick([500, 5_000, 30_000, 10 * MINUTE]),
    }),
  },
  {
    // A process that stops between a verdict and its write: what it decides on has grown old when it goes on.
    weight: 4,
    draw: (random) => ({
      kind: 'at-boundary',
      boundary: random.pick(['look-read', 'look-judged']),
      occurrence: random.int(1, 30),
      what: 'pause',
      forMs: random.pick([5_000, 15_000, 30_000, MINUTE, 10 * MINUTE]),
    }),
  },
  {
    // In the middle of what may not be done twice.
    weight: 4,
    draw: (random) => ({
      kind: 'at-boundary',
      boundary: random.pick(['effect-begun', 'effect-done']),
      occurrence: random.int(1, 8),
      what: 'crash',
      forMs: random.pick([500, 30_000]),
    }),
  },
  {
    // Stored, and then nobody is left to act on it: what was not stored with it is lost.
    weight: 3,
    draw: (random) => ({
      kind: 'at-boundary',
      boundary: 'committed',
      occurrence: random.int(1, 25),
      what: 'crash',
      forMs: random.pick([500, 30_000]),
    }),
  },
  {
    weight: 4,
    draw: (random) => ({
      kind: 'effect',
      of: 'step',
      occurrence: 1 + random.few(3, 12),
      what: random.pick(EFFECT_FAULTS),
    }),
  },
  {
    weight: 4,
    draw: (random) => ({
      kind: 'effect',
      of: 'rollback',
      occurrence: 1 + random.few(1, 4),
      what: random.pick(EFFECT_FAULTS),
    }),
  },
  {
    weight: 2,
    draw: (random, { chaosMs, servers }) => ({
      kind: 'clock-jump',
      server: random.int(0, servers - 1),
      at: random.int(0, chaosMs),
      byMs: random.pick([-HOUR, -MINUTE, -5_000, 5_000, MINUTE, HOUR]),
    }),
  },
  {
    weight: 1,
    draw: (random, { chaosMs }) => ({
      kind: 'everything-down',
      at: random.int(0, chaosMs),
      forMs: random.pick([MINUTE, HOUR, 5 * HOUR]),
    }),
  },
  { weight: 2, draw: (random, { chaosMs }) => ({ kind: 'lease-lost', at: random.int(0, chaosMs) }) },
  {
    weight: 1,
    draw: (random, { chaosMs, servers }) => ({
      kind: 'deaf',
      server: random.int(0, servers - 1),
      at: random.int(0, chaosMs),
      forMs: random.pick([2_000, 5 * MINUTE]),
    }),
  },
  {
    weight: 2,
    draw: (random, { chaosMs, instances }) => ({
      kind: 'silent-instance',
      instance: random.int(0, instances - 1),
      at: random.int(0, chaosMs),
      forMs: random.pick([5_000, MINUTE, HOUR]),
    }),
  },
  { weight: 2, draw: (random, { chaosMs }) => ({ kind: 'stray-confirmation', at: random.int(0, chaosMs) }) },
];
