import type { PlanSource } from '@theseus/core/plan';
import { type PlayOptions, play } from './play.ts';
import type { Scenario } from './scenario.ts';

type PhaseSource = PlanSource['phases'][number];

/** Plays at most; a shrunk scenario that is not the smallest is still one that fails. */
const MOST_PLAYS = 400;

/**
 * Takes away whatever can be taken away while the same invariant still breaks: commands, faults and moods, phases,
 * steps, rules, words of steps, servers and instances. Greedy, over and over until nothing more can go.
 */
export function shrink(scenario: Scenario, invariant: string, options: PlayOptions): Scenario {
  let smallest = scenario;
  let plays = 0;
  const fails = (candidate: Scenario): boolean => {
    plays += 1;
    return play(candidate, options)?.violation?.invariant === invariant;
  };
  for (let isSmaller = true; isSmaller; ) {
    isSmaller = false;
    for (const cuts of [withoutEvents, withoutPlan]) {
      for (let index = 0; plays < MOST_PLAYS; ) {
        const candidates = cuts(smallest);
        const candidate = candidates[index];
        if (candidate === undefined) break;
        if (fails(candidate)) {
          smallest = candidate;
          isSmaller = true;
        } else index += 1;
      }
    }
    if (plays >= MOST_PLAYS) break;
  }
  return smallest;
}

function without<Item>(items: readonly Item[], index: number): readonly Item[] {
  return items.filter((_item, at) => at !== index);
}

/** Fewer things that happen. */
function withoutEvents(scenario: Scenario): readonly Scenario[] {
  const { commands, faults, moods } = scenario;
  return [
    ...(commands.length > 1 ? [{ ...scenario, commands: [] }] : []),
    ...(faults.length > 1 ? [{ ...scenario, faults: [] }] : []),
    ...(moods.length > 1 ? [{ ...scenario, moods: [] }] : []),
    ...commands.map((_command, index) => ({ ...scenario, commands: without(commands, index) })),
    ...faults.map((_fault, index) => ({ ...scenario, faults: without(faults, index) })),
    ...moods.map((_mood, index) => ({ ...scenario, moods: without(moods, index) })),
    ...(scenario.servers > 1 ? [{ ...scenario, servers: 1 }] : []),
    ...(scenario.instances > 1 ? [{ ...scenario, instances: 1 }] : []),
  ];
}

/** A smaller plan. Those that are no longer valid are refused when they are played. */
function withoutPlan(scenario: Scenario): readonly Scenario[] {
  const { source } = scenario;
  const written = source.phases.map((phase, index) => withNeeds(source, phase, index));
  const plans: readonly PlanSource[] = [
    ...written.map((phase, index) => ({ ...source, phases: withoutPhase(written, phase.phase, index) })),
    ...written.flatMap((phase, at) =>
      smallerPhases(phase).map((smaller) => ({ ...source, phases: written.with(at, smaller) })),
    ),
    ...smallerFlags(source),
    ...smallerGates(source),
  ];
  return plans.map((plan) => ({ ...scenario, source: plan }));
}

/** Needs that follow from the file's order are written out, so that taking a phase away changes no other. */
function withNeeds(source: PlanSource, phase: PhaseSource, index: number): PhaseSource {
  const before = source.phases[index - 1];
  return { ...phase, needs: phase.needs ?? (before === undefined ? [] : [before.phase]) };
}

function withoutPhase(phases: readonly PhaseSource[], name: string, index: number): PhaseSource[] {
  const inherited = phases[index]?.needs ?? [];
  return without(phases, index).map((phase) => {
    const needs = (phase.needs ?? []).flatMap((need) => (need === name ? inherited : [need]));
    return { ...phase, needs: [...new Set(needs)] };
  });
}

const OPTIONAL_WORDS = [
  'window',
  'timeout',
  'undo',
  'budget',
  'approve',
  'verify',
  'capture',
  'soak',
  'through',
] as const;

function smallerPhases(phase: PhaseSource): readonly PhaseSource[] {
  const fewer = phase.steps.map((_step, index) => ({ ...phase, steps: [...without(phase.steps, index)] }));
  const plainer = phase.steps.flatMap((step, index) =>
    OPTIONAL_WORDS.filter((word) => word in step).map((word) => {
      const { [word]: _removed, ...rest } = step as Record<string, unknown>;
      return { ...phase, steps: phase.steps.with(index, rest as PhaseSource['steps'][number]) };
    }),
  );
  return [...fewer, ...plainer];
}

function smallerFlags(source: PlanSource): readonly PlanSource[] {
  const flags = Object.entries(source.flags ?? {});
  const ramped = new Set(
    source.phases.flatMap(({ steps }) => steps.flatMap((step) => ('ramp' in step ? [step.ramp] : []))),
  );
  const used = flags.filter(([key]) => ramped.has(key));
  const dropped = used.length === flags.length ? [] : [{ ...source, flags: Object.fromEntries(used) }];
  const freed = flags.flatMap(([key, flag]) =>
    (flag?.requires ?? []).map((required) => {
      const requires = (flag?.requires ?? []).filter((other) => other !== required);
      return { ...source, flags: { ...source.flags, [key]: { ...flag, requires } } };
    }),
  );
  return [...dropped, ...freed];
}

function smallerGates(source: PlanSource): readonly PlanSource[] {
  return Object.entries(source.gates ?? {}).flatMap(([name, gate]) =>
    gate.rules.length < 2
      ? []
      : gate.rules.map((_rule, index) => ({
          ...source,
          gates: { ...source.gates, [name]: { ...gate, rules: [...without(gate.rules, index)] } },
        })),
  );
}
