import type { Gate } from '../health/index.ts';
import type { Plan } from '../plan/index.ts';
import type { Forecast } from '../rollout/index.ts';
import { simulate } from './simulate.ts';

/** So many looks at a soak are enough to know when it will be over; and so many altogether keep it quick. */
const LOOKS_PER_SOAK = 10;
const MOST_LOOKS = 20_000;

/**
 * When each step of a plan is expected to begin and to end, if all goes well and people answer at once. A coarse
 * simulation: gates look a few times per soak, so that even eight weeks take a moment.
 *
 * @returns by step id, epoch milliseconds; steps that the simulation does not come to are left out
 */
export function forecast(plan: Plan, startAt: number): Forecast {
  const result = simulate(coarsened(plan), { startAt, whatIf: [], approvalDelayMs: 0, seed: 1 });
  const steps = result.view.phases.flatMap((phase) => phase.steps);
  return Object.fromEntries(
    steps.flatMap(({ id, startedAt, endedAt }) =>
      startedAt === null || endedAt === null ? [] : [[id, { startAt: startedAt, endAt: endedAt }]],
    ),
  );
}

/** The same plan with gates that look seldom: often enough for the shortest time anything is to be watched. */
function coarsened(plan: Plan): Plan {
  const watched = plan.phases
    .flatMap(({ steps }) => steps)
    .flatMap((step) => (step.kind === 'ramp' ? step.soaksMs : step.kind === 'watch' ? [step.forMs] : []));
  const shortest = watched.reduce((least, ms) => (ms > 0 ? Math.min(least, ms) : least), wholeOf(watched));
  const everyMs = Math.floor(Math.max(shortest / LOOKS_PER_SOAK, wholeOf(watched) / MOST_LOOKS));
  const seldom = (gate: Gate): Gate => ({ ...gate, everyMs: Math.max(gate.everyMs, everyMs) });
  return {
    ...plan,
    contingencies: {},
    gates: Object.fromEntries(Object.entries(plan.gates).map(([name, gate]) => [name, seldom(gate)])),
  };
}

function wholeOf(durationsMs: readonly number[]): number {
  return durationsMs.reduce((sum, ms) => sum + ms, 0);
}
