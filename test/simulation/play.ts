import type { Plan } from '@theseus/core/plan';
import type { RecordedEvent } from '@theseus/core/rollout';
import { planOf } from './draw/draw-plan.ts';
import { Inspector } from './invariants/inspector.ts';
import { Violation } from './invariants/violation.ts';
import { World } from './model/world.ts';
import { PRODUCT_RULES, type Rules } from './rules.ts';
import type { Scenario } from './scenario.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** For servers that are still down, and for a clock that was ahead: the log stands still until the others catch up. */
const CALMING_MS = 8 * HOUR;
/** From one opening of a daily window to the next, a change of the clocks included. */
const WINDOW_MS = 26 * HOUR;
/** The same for windows of certain weekdays: over a weekend at the longest. */
const WEEKDAYS_MS = 74 * HOUR;
/** For a person who looks once a minute. */
const HELP_MS = 10 * MINUTE;
/** A run that does more than this is taken as one that does not end. */
const MOST_STEPS = 3_000_000;

export interface Played {
  readonly violation: { readonly invariant: string; readonly text: string } | null;
  readonly events: readonly RecordedEvent[];
}

export interface PlayOptions {
  readonly rules?: Rules;
  /** Invariants that are known to be broken and must not hide others. */
  readonly ignored?: ReadonlySet<string>;
}

/** Plays a scenario to its end, or to the first invariant that breaks. Null when its plan is not valid. */
export function play(
  scenario: Scenario,
  { rules = PRODUCT_RULES, ignored = new Set() }: PlayOptions = {},
): Played | null {
  const plan = planOf(scenario.source);
  if (plan === null) return null;
  const inspector = new Inspector({ plan }, ignored);
  const world = new World(scenario, plan, rules, inspector);
  try {
    world.begin();
    const end = scenario.startAt + scenario.chaosMs + longestRun(plan);
    let steps = 0;
    while (!world.isOver && steps < MOST_STEPS && world.time.step(end)) steps += 1;
    inspector.ended(world, world.isOver);
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    return { violation: { invariant: error.invariant, text: error.message }, events: world.database.log };
  }
  return { violation: null, events: world.database.log };
}

/** How long the plan may take from start to end when nothing goes wrong and everybody helps. */
function longestRun(plan: Plan): number {
  const steps = plan.phases.flatMap((phase) => phase.steps);
  return steps.reduce((sum, step) => {
    const stages = step.kind === 'ramp' ? step.through.length + 1 : 1;
    const isWeekly = step.windows.some(({ days }) => days.length > 0);
    const windowMs = step.windows.length === 0 ? 0 : isWeekly ? WEEKDAYS_MS : WINDOW_MS;
    const everyMs = 'gate' in step ? (plan.gates[step.gate]?.everyMs ?? 0) : 0;
    return sum + (step.timeoutMs ?? 0) + stages * (ownMs(step) + windowMs + 10 * everyMs + HELP_MS);
  }, CALMING_MS);
}

function ownMs(step: Plan['phases'][number]['steps'][number]): number {
  if (step.kind === 'ramp') return Math.max(...step.soaksMs);
  if (step.kind === 'watch') return step.forMs;
  if (step.kind === 'retire') return step.afterMs;
  if (step.kind !== 'wait') return 0;
  return step.until.kind === 'duration' ? step.until.durationMs : 7 * HOUR;
}
