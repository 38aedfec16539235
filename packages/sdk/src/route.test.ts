import type { Arm } from '@theseus/core/flag';
import { describe, expect, test } from 'vitest';
import { givenAssignment } from '../test-support/given-assignment.ts';
import { runRoute } from './route.ts';
import type { FlagCounters } from './telemetry/flag-counters.ts';
import { TelemetryCounters } from './telemetry/flag-counters.ts';

const NONE = { requests: 0, errors: 0, fallbacks: 0 };

function counts(counters: FlagCounters) {
  const { legacy, candidate } = counters.toTelemetry({ comparing: true });
  for (const { requests, latency } of [legacy, candidate]) {
    expect(latency.filter((_, at) => at % 2 === 1).reduce((sum, count) => sum + count, 0)).toBe(requests);
  }
  const { latency: _l, ...ofLegacy } = legacy;
  const { latency: _c, ...ofCandidate } = candidate;
  return { legacy: ofLegacy, candidate: ofCandidate };
}

type Mode = 'sync' | 'async';

/** Runs arms that answer or fail, sync or async, and tells what came of it. */
async function run(mode: Mode, arm: Arm, fallback: boolean, fails: Partial<Record<Arm, boolean>>) {
  const counters = new TelemetryCounters().of('a') as FlagCounters;
  const ran: Arm[] = [];
  const side = (of: Arm) => (given: Arm) => {
    expect(given).toBe(of);
    ran.push(of);
    if (mode === 'async') return fails[of] ? Promise.reject(new Error(of)) : Promise.resolve(of);
    if (fails[of]) throw new Error(of);
    return of;
  };
  const choice = { assignment: givenAssignment(arm, { fallback }), counters };
  let outcome: string;
  try {
    const result = runRoute<string | Promise<string>>(choice, { legacy: side('legacy'), candidate: side('candidate') });
    expect(result instanceof Promise).toBe(mode === 'async');
    outcome = await result;
  } catch (error) {
    outcome = `threw ${(error as Error).message}`;
  }
  return { ran, outcome, ...counts(counters) };
}

describe.each<Mode>(['sync', 'async'])('runRoute() with %s arms', (mode) => {
  test('runs only the chosen arm and counts it', async () => {
    expect(await run(mode, 'legacy', true, {})).toEqual({
      ran: ['legacy'],
      outcome: 'legacy',
      legacy: { ...NONE, requests: 1 },
      candidate: NONE,
    });
    expect(await run(mode, 'candidate', true, {})).toEqual({
      ran: ['candidate'],
      outcome: 'candidate',
      legacy: NONE,
      candidate: { ...NONE, requests: 1 },
    });
  });

  test('answers from legacy when the candidate fails, without counting that as a request of legacy', async () => {
    expect(await run(mode, 'candidate', true, { candidate: true })).toEqual({
      ran: ['candidate', 'legacy'],
      outcome: 'legacy',
      legacy: NONE,
      candidate: { requests: 1, errors: 1, fallbacks: 1 },
    });
  });

  test('throws legacy’s error when both fail, and counts no fallback that nobody got', async () => {
    expect(await run(mode, 'candidate', true, { candidate: true, legacy: true })).toEqual({
      ran: ['candidate', 'legacy'],
      outcome: 'threw legacy',
      legacy: NONE,
      candidate: { requests: 1, errors: 1, fallbacks: 0 },
    });
  });

  test('throws the candidate’s error where no fallback is allowed', async () => {
    expect(await run(mode, 'candidate', false, { candidate: true })).toMatchObject({
      ran: ['candidate'],
      outcome: 'threw candidate',
      candidate: { requests: 1, errors: 1, fallbacks: 0 },
    });
  });

  test('never falls back from legacy', async () => {
    expect(await run(mode, 'legacy', true, { legacy: true })).toMatchObject({
      ran: ['legacy'],
      outcome: 'threw legacy',
      legacy: { requests: 1, errors: 1, fallbacks: 0 },
      candidate: NONE,
    });
  });
});

test('runRoute() counts a request once it is answered, not while it runs', async () => {
  const counters = new TelemetryCounters().of('a') as FlagCounters;
  let answer: (text: string) => void = () => undefined;
  const running = runRoute(
    { assignment: givenAssignment('candidate', { fallback: true }), counters },
    {
      legacy: () => Promise.resolve('legacy'),
      candidate: () => new Promise<string>((resolve) => (answer = resolve)),
    },
  );
  expect(counts(counters).candidate.requests).toBe(0);
  answer('late');
  expect(await running).toBe('late');
  expect(counts(counters).candidate.requests).toBe(1);
});
