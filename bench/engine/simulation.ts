import { simulate } from '@theseus/core/simulate';
import type { Figure } from '../support/figure.ts';
import { exactly } from '../support/figure.ts';
import { rounds } from '../support/rounds.ts';
import { eightWeeks } from './eight-weeks.ts';

const ROUNDS = 5;
const OPTIONS = { startAt: Date.UTC(2026, 4, 4, 9), whatIf: [], approvalDelayMs: 60_000, seed: 1 };

interface Tally {
  readonly checks: number;
  readonly healthyMs: number;
  readonly lastAt: number;
}

/** What any engine must do at least: take in one check after another and keep a state without changing the one before. */
function bareReducer(checks: number): Tally {
  let tally: Tally = { checks: 0, healthyMs: 0, lastAt: 0 };
  for (let index = 1; index <= checks; index += 1) {
    const check = { at: index * 30_000, errors: (index * 7) % 5, latency: 100 + ((index * 13) % 50) };
    const isHealthy = check.errors <= 5 && check.latency <= 500;
    const healthyMs = tally.healthyMs + (isHealthy ? check.at - tally.lastAt : 0);
    tally = { ...tally, checks: tally.checks + 1, healthyMs, lastAt: check.at };
  }
  return tally;
}

/** Eight weeks of one plan in virtual time: every look is judged by the gate, every event decided by the engine. */
export function benchSimulation(): readonly Figure[] {
  const plan = eightWeeks();
  const { checks, events } = simulate(plan, OPTIONS);
  const played = rounds(ROUNDS, () => simulate(plan, OPTIONS));
  const floor = rounds(ROUNDS, () => bareReducer(checks));
  const bytes = events.reduce((sum, event) => sum + JSON.stringify(event).length, 0);
  return [
    {
      name: `simulating eight weeks, ${checks.toLocaleString('en')} checks, CPU`,
      unit: 'ms',
      measured: played.cpu,
      floor: { name: 'a bare reducer of as many checks', measured: floor.cpu },
      mark: { text: 'at most 1 000 ms', isKept: played.cpu.median <= 1_000 },
    },
    { name: 'the same, wall time', unit: 'ms', measured: played.wall },
    {
      name: 'its log, events',
      unit: 'events',
      measured: exactly(events.length),
      mark: { text: 'fewer than 2 000', isKept: events.length < 2_000 },
    },
    {
      name: 'its log, JSON',
      unit: 'bytes',
      measured: exactly(bytes),
      mark: { text: 'less than 5 MB', isKept: bytes < 5_000_000 },
    },
  ];
}
