import { latencyFactors, noCounts, PROFILES, type Watch } from '@theseus/core/health';
import { parsePlan } from '@theseus/core/plan';
import { startRun } from '@theseus/core/rollout';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ComparisonRequest, ComparisonSource } from '../ports/comparison-source.ts';
import { type DriverParts, RunDriver } from './driver.ts';

const START = Date.parse('2026-03-02T09:00:00Z');
const EVERY_MS = 1_000;
/** The run's own time is so far ahead of the clock. */
const AHEAD_MS = 7;

const PLAN = `
plan: moving
cohort: userId
gates: { g: { every: 1s, rules: [ worse than legacy: rollback now ] } }
flags: { cache: {} }
phases: [ { phase: one, steps: [ { ramp: cache, gate: g, through: [10%, 50%], soak: 1h } ] } ]
`;

/** A driver whose clock is the test's, and what it remembers. */
function driven(comparisons?: ComparisonSource) {
  const { plan } = parsePlan(PLAN, { file: 'plan.yaml' });
  if (plan === null) throw new Error('the plan is not valid');
  const actor = { kind: 'person', name: 'ana' } as const;
  const { state } = startRun({ runId: 'run-1', plan, planHash: 'sha256:test', actor, reason: 'test' }, START);
  const watches = new Map<string, Watch>();
  const engine = {
    clocks: { now: () => Date.now(), aheadMs: () => AHEAD_MS },
    foresee: () => ({ events: [] }),
    handle: async () => ({ events: [] }),
  };
  const memory = {
    load: async () => watches,
    remember: (_runId: string, watch: Watch) => watches.set(watch.id, watch),
    save: async () => {},
  };
  const parts = {
    runId: 'run-1',
    epoch: 1,
    engine,
    memory,
    state: () => state,
    readAll: async () => [],
    comparisons,
    onHealth: () => {},
    onProblem: (message: string) => expect.fail(message),
  };
  return { driver: new RunDriver(parts as unknown as DriverParts), watch: () => watches.get('one/cache') };
}

describe('RunDriver, of a gate that compares', () => {
  beforeEach(() => vi.useFakeTimers({ now: START }));
  afterEach(() => vi.useRealTimers());

  it('asks once a look for both arms of the flag, by the clock of those who count', async () => {
    const asked: ComparisonRequest[] = [];
    const counts = { legacy: noCounts(0), candidate: noCounts(0) };
    const { driver, watch } = driven({
      compare: async (request) => {
        asked.push(request);
        return { at: 0, counts, epoch: 0, odds: 1 / 9, assigned: null, ageMs: 0, problem: null };
      },
    });
    driver.poke();
    await vi.advanceTimersByTimeAsync(3 * EVERY_MS);
    driver.stop();
    expect(asked).toHaveLength(3);
    expect(asked[0]).toEqual({
      environment: 'default',
      flag: 'cache',
      now: START + EVERY_MS - AHEAD_MS,
      freshForMs: expect.any(Number),
      factors: latencyFactors(PROFILES.balanced),
      segments: [],
    });
    expect(watch()?.judge?.state?.looks).toBe(2);
    expect(watch()?.verdict).toMatchObject({ verdict: 'inconclusive', judgement: { reason: 'no-traffic' } });
  });

  it('takes arms that cannot be counted for silence, and says why', async () => {
    const { driver, watch } = driven({ compare: () => Promise.reject(new Error('connection refused')) });
    driver.poke();
    await vi.advanceTimersByTimeAsync(2 * EVERY_MS);
    driver.stop();
    expect(watch()?.verdict).toMatchObject({
      verdict: 'inconclusive',
      text: 'the arms could not be counted: connection refused',
    });
    expect(watch()?.blindSince).toBe(START + EVERY_MS);
  });

  it('never takes it for health that nobody compares', async () => {
    const { driver, watch } = driven();
    driver.poke();
    await vi.advanceTimersByTimeAsync(5 * EVERY_MS);
    driver.stop();
    expect(watch()).toMatchObject({ soakedMs: 0, verdict: { verdict: 'inconclusive' } });
  });
});
