import type { RecordedBaseline } from '@theseus/core/health';
import type { Effect } from '@theseus/core/rollout';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { phase, plan, ramp } from '../../../core/test-support/given-plan.ts';
import { type TestDatabase, testDatabase } from '../../test-support/test-database.ts';
import { baselineRunner } from '../effects/baseline-runner.ts';
import type { Database } from '../ports/database.ts';
import { historyReader } from '../sources/signal-history.ts';
import { measure } from '../sources/telemetry-source.ts';
import { compactTelemetry } from './compact-telemetry.ts';
import { migrate, openDatabase } from './database.ts';
import { TelemetryHistory } from './telemetry-history.ts';
import { TelemetryStore } from './telemetry-store.ts';

const HOUR = 3_600_000;
const WEEK = 168 * HOUR;
/** A Monday, 09:30 UTC. */
const NOW = Date.UTC(2026, 4, 4, 9, 30);

let postgres: TestDatabase;
let database: Database;
let history: TelemetryHistory;

beforeAll(async () => {
  postgres = await testDatabase();
  database = openDatabase({ connectionString: postgres.url, maxConnections: 5, onError: () => undefined });
  await migrate(database);
  history = new TelemetryHistory(database);
}, 60_000);

afterAll(async () => {
  await database?.close();
  await postgres?.close();
});

interface Record30 {
  readonly at: number;
  readonly requests: number;
  readonly errors?: number;
  readonly latency?: readonly number[];
  readonly candidate?: number;
}

async function keep(flag: string, records: readonly Record30[]): Promise<void> {
  const armOf = (requests: number, errors = 0, latency: readonly number[] = []): string =>
    JSON.stringify({ requests, errors, fallbacks: 0, latency });
  await database.query(
    `insert into theseus.telemetry (environment, flag, at, legacy, candidate)
     select 'default', $1, at, legacy, candidate from unnest($2::timestamptz[], $3::json[], $4::json[]) as r (at, legacy, candidate)`,
    [
      flag,
      records.map(({ at }) => new Date(at)),
      records.map(({ requests, errors, latency }) => armOf(requests, errors, latency)),
      records.map(({ candidate = 0 }) => armOf(candidate)),
    ],
  );
}

/** Four weeks of a record each ten minutes, busy by day, slow on Mondays at nine; a night of them was never counted. */
function fourWeeks(): readonly Record30[] {
  const isOutage = (at: number): boolean => at > NOW - 10 * 24 * HOUR && at < NOW - 10 * 24 * HOUR + 8 * HOUR;
  return Array.from({ length: (4 * WEEK) / (HOUR / 6) }, (_, index) => NOW - index * (HOUR / 6))
    .filter((at) => !isOutage(at))
    .map((at) => {
      const when = new Date(at);
      const isBusy = when.getUTCHours() >= 8 && when.getUTCHours() < 20;
      const isSlow = when.getUTCDay() === 1 && when.getUTCHours() === 9;
      const requests = isBusy ? 600 : 60;
      return { at, requests, errors: requests / 60, latency: [isSlow ? 500 : 450, requests] };
    });
}

describe('TelemetryHistory', () => {
  it('adds up records by the hour, histograms bucket by bucket [CV-12]', async () => {
    await keep('one', [
      { at: NOW - HOUR, requests: 5, errors: 1, latency: [100, 3, 200, 2], candidate: 4 },
      { at: NOW - HOUR + 1_000, requests: 7, latency: [100, 1, 150, 6] },
      { at: NOW, requests: 1 },
      { at: NOW + 1, requests: 1_000 },
      { at: NOW - 5 * HOUR, requests: 1_000 },
    ]);
    expect(await history.hours('one', 'default', { from: NOW - 2 * HOUR, to: NOW })).toEqual([
      {
        at: NOW - 1.5 * HOUR,
        legacy: { requests: 12, errors: 1, fallbacks: 0, latency: [100, 4, 150, 6, 200, 2] },
        candidateRequests: 4,
      },
      { at: NOW - 0.5 * HOUR, legacy: { requests: 1, errors: 0, fallbacks: 0, latency: [] }, candidateRequests: 0 },
    ]);
    expect(await history.hours('one', 'staging', { from: 0, to: NOW })).toEqual([]);
    expect(await history.reach('one', 'default')).toBe(NOW - 5 * HOUR);
    expect(await history.reach('never', 'default')).toBeNull();
  });

  it('is the same before and after records are made coarser', async () => {
    const now = Date.now();
    const records = Array.from({ length: 40 }, (_, index) => ({
      at: now - HOUR + index * 5_000,
      requests: 10 + index,
      latency: [100 + index, 10 + index],
    }));
    await keep('two', records);
    const totals = async () => {
      const hours = await history.hours('two', 'default', { from: now - 2 * HOUR, to: now });
      return hours.map(({ at, legacy }) => ({ at, ...legacy }));
    };
    const before = await totals();
    await compactTelemetry(database, now);
    const { rows } = await database.query<{ count: number }>(
      "select count(*)::int as count from theseus.telemetry where flag = 'two'",
    );
    expect(rows[0]?.count).toBeLessThan(records.length);
    expect(await totals()).toEqual(before);
  });

  it('adds up reports of a signal by the hour: for this run, this environment, and no flag', async () => {
    const store = new TelemetryStore(database);
    const common = { signal: 'satisfaction', runId: null, flag: null, environment: null, sample: null, by: 'ana' };
    await store.report({ ...common, value: 90 });
    await store.report({ ...common, value: 94, runId: 'mine' });
    await store.report({ ...common, value: 10, runId: 'another' });
    await store.report({ ...common, value: 10, environment: 'staging' });
    await store.report({ ...common, value: 10, flag: 'cache' });
    await database.query("update theseus.reported set at = $1 where signal = 'satisfaction'", [new Date(NOW - HOUR)]);
    const of = { runId: 'mine', environment: 'default', from: NOW - WEEK, to: NOW };
    expect(await history.reports('satisfaction', of)).toEqual([
      { at: NOW - 1.5 * HOUR, sum: 184, count: 2, oldestAt: NOW - HOUR, newestAt: NOW - HOUR },
    ]);
    expect(await history.reports('satisfaction', { ...of, to: NOW - 2 * HOUR })).toEqual([]);
  });
});

describe('a baseline over four weeks of what was really kept', () => {
  const signals = {
    errors: { metric: 'error-rate', unit: 'percent' },
    latency: { metric: 'latency-p95', unit: 'ms' },
    throughput: { metric: 'request-rate', unit: 'per-second' },
  } as const;
  const checked = plan([phase('one', [ramp('one', 'shop')])], {
    signals: Object.fromEntries(
      Object.entries(signals).map(([name, { metric, unit }]) => [
        name,
        { name, source: { kind: 'telemetry', metric }, unit, overMs: 60_000, freshForMs: 60_000 },
      ]),
    ),
  });
  const effect: Effect = {
    id: 'base#1.1',
    request: { kind: 'baseline', overMs: 4 * WEEK, flags: ['shop'] },
    purpose: { kind: 'step', stepId: 'base' },
    requestedAt: 0,
    timeoutMs: 0,
  };

  it('knows the hours of the week, and takes a night that was not counted for no zero [CV-12] [QA-2]', async () => {
    await keep('shop', fourWeeks());
    const runner = baselineRunner({
      telemetry: history,
      measure,
      readHistory: historyReader({
        reported: history,
        readAll: async () => [],
        prometheus: null,
        fillSecrets: (text) => text,
      }),
      now: () => NOW,
      pause: async () => undefined,
    });
    const context = { runId: 'r', plan: checked, idempotencyKey: 'k', signal: new AbortController().signal };
    const result = await runner.run(effect, context);
    expect(result).toMatchObject({
      outcome: 'succeeded',
      summary: 'recorded for 1 flags: errors, latency, throughput, 3 of 3 by the hour of the week',
    });
    const { errors, latency, throughput } = (result.baselines?.['shop'] ?? {}) as Record<string, RecordedBaseline>;
    expect(throughput?.shape?.hours[12]).toBeCloseTo(1, 1);
    expect(throughput?.shape?.hours[6 * 24 + 3]).toBeCloseTo(0.1, 2);
    // The hours of the outage are known from the weeks without it.
    expect(throughput?.shape?.hours.every((hour) => hour > 0.09)).toBe(true);
    expect(throughput?.shape?.covered).toBe(168);
    expect(latency?.shape?.hours[9]).toBeGreaterThan(2 * (latency?.shape?.hours[33] ?? 0));
    expect(errors?.value).toBeCloseTo(100 / 60);
    expect(errors).toMatchObject({ unit: 'percent', source: 'telemetry', sample: { of: 'requests' } });
    expect(errors?.over.from).toBeCloseTo(NOW - 4 * WEEK, -7);
  });
});
