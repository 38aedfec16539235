import type { RecordedBaseline } from '@theseus/core/health';
import type { Plan, Signal } from '@theseus/core/plan';
import type { Effect } from '@theseus/core/rollout';
import { describe, expect, it } from 'vitest';
import { phase, plan, ramp, rollbackNow, rule, standardGate } from '../../../core/test-support/given-plan.ts';
import type { FlagHistory, HistoryRequest, HourOfTelemetry } from '../ports/signal-history.ts';
import { measure } from '../sources/telemetry-source.ts';
import { type BaselineParts, baselineRunner } from './baseline-runner.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const WEEK = 168 * HOUR;
const NOW = Date.UTC(2026, 4, 4, 9);

const effectOver = (overMs: number, shape?: 'hour-of-week' | 'none'): Effect => ({
  id: 'base#1.1',
  request: { kind: 'baseline', overMs, flags: ['cache'], ...(shape === undefined ? {} : { shape }) },
  purpose: { kind: 'step', stepId: 'base' },
  requestedAt: 0,
  timeoutMs: null,
});

const telemetry = (name: string, metric: 'error-rate' | 'request-rate'): Signal => ({
  name,
  source: { kind: 'telemetry', metric },
  unit: metric === 'error-rate' ? 'percent' : 'per-second',
  overMs: MINUTE,
  freshForMs: MINUTE,
});
const http = (name: string): Signal => ({
  name,
  source: { kind: 'http', url: `https://app.example/${name}`, pointer: '' },
  unit: 'count',
  overMs: MINUTE,
  freshForMs: MINUTE,
});

const planWith = (signals: readonly Signal[], changes: Partial<Plan> = {}): Plan =>
  plan([phase('one', [ramp('one', 'cache')])], {
    signals: Object.fromEntries(signals.map((signal) => [signal.name, signal])),
    ...changes,
  });

const counted = planWith([telemetry('errors', 'error-rate'), telemetry('throughput', 'request-rate')]);

const context = (checked: Plan, signal = new AbortController().signal) => ({
  runId: 'r',
  plan: checked,
  idempotencyKey: 'r/base#1.1',
  signal,
});

const NOTHING: BaselineParts = {
  measure,
  telemetry: { reach: async () => null, hours: async () => [] },
  readHistory: async () => [],
  now: () => NOW,
  pause: async () => undefined,
};

function hourAt(at: number, requests: number, errors: number): HourOfTelemetry {
  return { at, legacy: { requests, errors, fallbacks: 0, latency: [] }, candidateRequests: 0 };
}

/** A system whose telemetry begins at moment 0 and counts so many requests a minute, one of them failing; every look costs a minute. */
function growing(requestsPerMinute: number): { readonly parts: BaselineParts; readonly looks: () => number } {
  let now = 0;
  let looks = 0;
  const parts: BaselineParts = {
    ...NOTHING,
    now: () => now,
    telemetry: {
      reach: async () => {
        looks += 1;
        now += MINUTE;
        return 0;
      },
      hours: async (_flag, _environment, { from, to }) => {
        const minutes = (to - from) / MINUTE;
        return [hourAt(0, requestsPerMinute * minutes, minutes)];
      },
    },
  };
  return { parts, looks: () => looks };
}

/** So many weeks of telemetry: busy in the mornings of working days. */
function weeksOf(weeks: number): BaselineParts {
  const hours = Array.from({ length: weeks * 168 }, (_, index) => {
    const at = NOW - weeks * WEEK + index * HOUR;
    const hour = new Date(at).getUTCHours();
    return hour >= 8 && hour < 12 ? hourAt(at, 36_000, 360) : hourAt(at, 3_600, 36);
  });
  return {
    ...NOTHING,
    telemetry: {
      reach: async () => NOW - weeks * WEEK,
      hours: async (_flag, _environment, { from }) => hours.filter(({ at }) => at >= from),
    },
  };
}

async function recorded(
  parts: BaselineParts,
  effect: Effect,
  checked = counted,
): Promise<Record<string, RecordedBaseline>> {
  const result = await baselineRunner(parts).run(effect, context(checked));
  if (result.outcome !== 'succeeded') throw new Error(result.summary);
  return { ...result.baselines?.['*'], ...result.baselines?.['cache'] } as Record<string, RecordedBaseline>;
}

describe('baselineRunner()', () => {
  it('waits until telemetry covers the whole span, so that a rate is not too low [CV-12]', async () => {
    const { parts, looks } = growing(60);
    const { throughput, errors } = await recorded(parts, effectOver(10 * MINUTE));
    expect(looks()).toBe(10);
    expect(throughput).toMatchObject({ value: 1, unit: 'per-second', over: { from: 0, to: 10 * MINUTE } });
    expect(errors?.value).toBeCloseTo(100 / 60);
    expect(errors).toMatchObject({ sample: { count: 600, of: 'requests' }, source: 'telemetry' });
    expect(errors?.shape).toBeUndefined();
    expect(errors?.noShape).toBeUndefined();
  });

  it('says for which flag traffic is lacking once the span and its patience are over', async () => {
    const { parts } = growing(1);
    const result = await baselineRunner(parts).run(effectOver(10 * MINUTE), context(counted));
    expect(result).toMatchObject({
      outcome: 'failed',
      summary: 'no baseline: fewer than 20 requests on legacy for cache',
    });
  });

  it('says how far telemetry reaches back when it is stopped early', async () => {
    const { parts } = growing(60);
    const result = await baselineRunner(parts).run(effectOver(10 * MINUTE), context(counted, AbortSignal.abort()));
    expect(result.summary).toBe('no baseline: telemetry of cache reaches back 1m of 10m');
  });

  it('learns the hours of the week from four weeks, without being asked [CV-12] [QA-2]', async () => {
    const { throughput, errors } = await recorded(weeksOf(4), effectOver(4 * WEEK));
    expect(throughput?.value).toBeCloseTo(2.5);
    expect(throughput?.shape).toMatchObject({ covered: 168, weeks: 5 });
    expect(throughput?.shape?.hours[9]).toBeCloseTo(10);
    expect(throughput?.shape?.hours[6 * 24 + 3]).toBeCloseTo(1);
    expect(errors?.shape?.hours.every((hour) => Math.abs(hour - 1) < 1e-9)).toBe(true);
  });

  it('keeps the plain value where the plan wants no hours, and says why there are none where it wants them', async () => {
    expect((await recorded(weeksOf(4), effectOver(4 * WEEK, 'none')))['errors']?.shape).toBeUndefined();
    const { errors } = await recorded(weeksOf(1), effectOver(4 * WEEK));
    expect(errors).toMatchObject({ value: 1, over: { from: NOW - WEEK, to: NOW } });
    expect(errors?.noShape).toContain('84 are needed');
    expect((await recorded(weeksOf(1), effectOver(24 * HOUR, 'hour-of-week')))['errors']?.noShape).toContain(
      '0 of 168',
    );
  });

  it('keeps no more hours than a run can carry', async () => {
    const many = Array.from({ length: 201 }, (_, index) => telemetry(`errors-${index}`, 'error-rate'));
    const baselines = await recorded(weeksOf(4), effectOver(4 * WEEK), planWith(many));
    expect(Object.values(baselines)).toHaveLength(201);
    for (const { shape, noShape } of Object.values(baselines)) {
      expect([shape, noShape]).toEqual([
        undefined,
        'hours of the week are kept of 200 flags times signals at the most',
      ]);
    }
  });

  it('waits for a day of telemetry, and takes of a longer span as much as there is', async () => {
    const parts = { ...weeksOf(1), pause: async () => undefined };
    const young = { ...parts, telemetry: { ...parts.telemetry, reach: async () => NOW - 23 * HOUR } };
    const effect = { ...effectOver(4 * WEEK), timeoutMs: 0 };
    const result = await baselineRunner(young).run(effect, context(counted));
    expect(result.summary).toBe('no baseline: telemetry of cache reaches back 23h of 1d');
  });
});

describe('signals that are no telemetry', () => {
  const mixed = planWith([http('queue'), http('tickets'), http('stock')]);
  const history = (value: number, flag: string | null = null): FlagHistory => ({
    flag,
    answer: { kind: 'history', history: { value, over: { from: NOW, to: NOW }, source: 'http', hours: null } },
  });

  it('each name themselves when they cannot be read, after they were asked three times [CV-12] [QA-2]', async () => {
    const asked: string[] = [];
    const readHistory = async ({ signal: { name } }: HistoryRequest): Promise<readonly FlagHistory[]> => {
      asked.push(name);
      return name === 'stock' ? [history(7)] : [{ flag: null, answer: { kind: 'unreadable', problem: `no ${name}` } }];
    };
    const result = await baselineRunner({ ...NOTHING, readHistory }).run(effectOver(HOUR), context(mixed));
    expect(result).toMatchObject({
      outcome: 'failed',
      summary: 'no baseline: queue cannot be read: no queue; tickets cannot be read: no tickets',
    });
    expect(asked.filter((name) => name === 'queue')).toHaveLength(3);
    expect(asked.filter((name) => name === 'stock')).toHaveLength(1);
  });

  it('may fail once, and are recorded by flag where they are asked by flag', async () => {
    let tries = 0;
    const readHistory = async ({ signal: { name } }: HistoryRequest): Promise<readonly FlagHistory[]> => {
      tries += 1;
      if (tries === 1) return [{ flag: null, answer: { kind: 'unreadable', problem: 'it is restarted' } }];
      return name === 'queue' ? [history(5, 'cache')] : [history(9)];
    };
    const result = await baselineRunner({ ...NOTHING, readHistory }).run(effectOver(4 * WEEK), context(mixed));
    expect(result).toMatchObject({
      outcome: 'succeeded',
      baselines: { cache: { queue: { value: 5 } }, '*': { tickets: { value: 9 }, stock: { value: 9 } } },
    });
    expect(JSON.stringify(result.baselines)).toContain('http signals have no history that could be read');
  });

  it('are recorded where a contingency alone compares with them [CV-12]', async () => {
    const condition = {
      signal: 'tickets',
      text: 'tickets > 2x baseline',
      bound: { kind: 'factor', reference: 'baseline', factor: 2 },
    } as const;
    const gate = { ...standardGate, rules: [rule(condition, rollbackNow)] };
    const flood = { name: 'flood', title: 'flood', gate, flag: null, actions: [], cooldownMs: null };
    const readHistory = async () => [history(3)];
    const checked = planWith([http('queue'), http('tickets')], { contingencies: { flood } });
    expect(Object.keys(await recorded({ ...NOTHING, readHistory }, effectOver(HOUR), checked))).toEqual(['tickets']);
  });
});
