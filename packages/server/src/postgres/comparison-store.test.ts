import { type FlagDocument, SubjectHasher } from '@theseus/core/flag';
import type { ArmTelemetry, FlagUsers, TelemetryBatch } from '@theseus/core/health';
import { latencyFactors, PROFILES } from '@theseus/core/health';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { phase, plan, ramp } from '../../../core/test-support/given-plan.ts';
import { type TestDatabase, testDatabase } from '../../test-support/test-database.ts';
import { RunEngine } from '../engine/run-engine.ts';
import { migrateJobs } from '../graphile-worker/job-worker.ts';
import type { ComparisonRequest } from '../ports/comparison-source.ts';
import type { Database } from '../ports/database.ts';
import { compactTelemetry } from './compact-telemetry.ts';
import { ComparisonStore } from './comparison-store.ts';
import { migrate, openDatabase } from './database.ts';
import { FlagStore } from './flag-store.ts';
import { RunStore } from './run-store.ts';
import { TelemetryStore } from './telemetry-store.ts';

const ana = { kind: 'person', name: 'ana' } as const;
const FLAG = 'cache';
const NONE: ArmTelemetry = { requests: 0, errors: 0, fallbacks: 0, latency: [] };
const NOBODY = { legacy: [], candidate: [] };

let postgres: TestDatabase;
let database: Database;
let flags: FlagStore;
let engine: RunEngine;
let store: TelemetryStore;
let comparisons: ComparisonStore;
let environment = '';
let number = 0;

beforeAll(async () => {
  postgres = await testDatabase();
  database = openDatabase({ connectionString: postgres.url, maxConnections: 10, onError: () => undefined });
  await migrate(database);
  await migrateJobs(database);
}, 60_000);

afterAll(async () => {
  await database?.close();
  await postgres?.close();
});

beforeEach(() => {
  flags = new FlagStore(database);
  engine = new RunEngine({ database, runs: new RunStore(), flags, clock: Date.now });
  store = new TelemetryStore(database);
  comparisons = new ComparisonStore(database, flags);
  number += 1;
  environment = `place-${number}`;
});

/** A run whose flag is at 10 %. */
async function begin(): Promise<void> {
  const flag = {
    key: FLAG,
    risk: null,
    requires: [],
    fallback: true,
    overrides: { candidate: [], legacy: [] },
    rules: [],
    strata: ['team', 'new'],
  };
  const segments = Object.fromEntries(['team', 'new'].map((key) => [key, { key, conditions: [] }]));
  const checked = plan([phase('one', [ramp('one', FLAG)])], { environment, flags: { [FLAG]: flag }, segments });
  await engine.start({ runId: environment, plan: checked, planHash: 'sha256:test', actor: ana, reason: 'test' });
  await flags.refresh();
}

async function promote(): Promise<void> {
  await engine.handle(environment, {
    kind: 'command',
    command: { verb: { verb: 'promote' }, actor: ana, reason: 'test' },
  });
  await flags.refresh();
}

const epochNow = (): number => flags.document(environment).flags[FLAG]?.epoch ?? -1;

const compare = (changes: Partial<ComparisonRequest> = {}) =>
  comparisons.compare({
    flag: FLAG,
    environment,
    now: Date.now(),
    freshForMs: 60_000,
    factors: latencyFactors(PROFILES.balanced),
    ...changes,
  });

function batch(sequence: number, changes: Partial<TelemetryBatch> = {}): TelemetryBatch {
  return { instance: 'i', service: 'front', environment, sequence, servedVersion: 1, flags: {}, ...changes };
}

/** A batch about users alone. */
const users = (sequence: number, of: Partial<FlagUsers>, instance = 'i') =>
  batch(sequence, {
    instance,
    users: { sequence, flags: { [FLAG]: { epoch: epochNow(), level: 0, ...NOBODY, ...of } } },
  });

const tallies = async () => Number((await database.query('select from theseus.tally')).rowCount);

describe('ComparisonStore says why there is nothing to compare', () => {
  it('where the flag is not known, nobody has reported, or nobody has counted it', async () => {
    expect(await compare()).toMatchObject({
      counts: null,
      problem: `there is no flag 'cache' in environment '${environment}'`,
    });
    await begin();
    expect((await compare()).problem).toBe(`no SDK has reported from environment '${environment}' yet`);
    await store.receive([batch(1)]);
    expect((await compare()).problem).toBe(`no SDK has counted a request of 'cache' that can be compared yet`);
  });

  it('where SDKs have fallen silent, and for how long', async () => {
    await begin();
    await store.receive([users(1, { legacy: [1, 1, 0, 0, 0] })]);
    const later = await compare({ now: Date.now() + 90_000 });
    expect(later).toMatchObject({
      counts: null,
      problem: expect.stringMatching(/^no SDK has reported .* for 1m 30s$/),
    });
    expect(later.ageMs).toBeGreaterThanOrEqual(89_000);
    expect((await compare()).ageMs).toBeLessThan(30_000);
    // A sign of life without traffic is no silence: nothing happened, and that is known.
    await store.receive([batch(2)]);
    expect((await compare()).counts?.legacy.users.seen).toBe(1);
  });

  it('where the flag was written by a server that compared nothing', async () => {
    await begin();
    const { flags: known, ...document } = flags.document(environment);
    const { epoch: _epoch, ...old } = known[FLAG] ?? { epoch: 0 };
    const ancient = { ...document, flags: { [FLAG]: old } } as unknown as FlagDocument;
    const request = { flag: FLAG, environment, now: 0, freshForMs: 1, factors: latencyFactors(PROFILES.strict) };
    const found = await new ComparisonStore(database, { document: () => ancient }).compare(request);
    expect(found).toMatchObject({ counts: null, problem: expect.stringMatching(/older server/) });
  });
});

describe('ComparisonStore', () => {
  it('gives the odds and the strata of the flag as its plan has them', async () => {
    await begin();
    const counts = { requests: 2, errors: 1 };
    const legacy: ArmTelemetry = {
      ...NONE,
      requests: 5,
      latency: [10, 5],
      compared: 'all',
      strata: { 'moving/new': counts },
    };
    await store.receive([batch(1, { flags: { [FLAG]: { legacy, candidate: { ...NONE, compared: 'all' } } } })]);
    const found = await compare();
    expect(found.odds).toBeCloseTo(1 / 9);
    const none = { requests: 0, errors: 0 };
    expect(found.counts?.legacy.segments).toEqual([none, counts]);
    expect((await compare({ segments: ['new'] })).counts?.legacy.segments).toEqual([counts]);
    await promote();
    expect((await compare()).odds).toBe(1);
    await promote();
    expect((await compare()).odds).toBeNull();
  });

  it('compares nothing of an SDK that cannot tell what may be compared', async () => {
    await begin();
    const old: ArmTelemetry = { ...NONE, requests: 5, errors: 5, latency: [10, 5] };
    await store.receive([batch(1, { flags: { [FLAG]: { legacy: old, candidate: old } } })]);
    expect((await compare()).counts).toBeNull();
    const { compared: _compared, ...part } = { ...old, compared: { requests: 3, errors: 1, latency: [10, 3] } };
    const known: ArmTelemetry = { ...part, requests: 8, compared: { requests: 3, errors: 1, latency: [10, 3] } };
    await store.receive([batch(2, { flags: { [FLAG]: { legacy: known, candidate: old } } })]);
    expect((await compare()).counts).toMatchObject({ legacy: { requests: 3, errors: 1 }, candidate: { requests: 0 } });
  });

  it('begins anew with users, and not with requests, when the split changes; late reports of the old one are left out', async () => {
    await begin();
    const legacy: ArmTelemetry = { ...NONE, requests: 4, latency: [10, 4], compared: 'all' };
    const first = users(1, { legacy: [1, 4, 1, 0, 0] });
    await store.receive([{ ...first, flags: { [FLAG]: { legacy, candidate: NONE } } }]);
    const before = await compare();
    expect(before.counts?.legacy).toMatchObject({ requests: 4, users: { seen: 1, failed: 1, nn: 16 } });
    const late = users(1, { candidate: [7, 1, 1, 0, 0] }, 'late');
    await promote();
    const between = await compare();
    expect(between.counts?.legacy).toMatchObject({ requests: 4, users: { seen: 0 } });
    expect(between.epoch).toBeGreaterThan(before.epoch);
    await store.receive([users(2, { legacy: [1, 2, 0, 0, 0] })]);
    await store.receive([late]);
    expect(await compare()).toMatchObject({
      epoch: between.epoch,
      counts: { legacy: { users: { seen: 1, failed: 0, nn: 4 } }, candidate: { users: { seen: 0 } } },
    });
  });

  it('counts a part once, in whichever batch and at whichever server it arrives', async () => {
    await begin();
    const other = new TelemetryStore(database);
    const first = users(1, { legacy: [1, 1, 0, 0, 0], candidate: [1, 2, 1, 0, 0] });
    await Promise.all([store.receive([first]), other.receive([first])]);
    await store.receive([{ ...first, sequence: 2 }]);
    expect((await compare()).counts).toMatchObject({
      legacy: { users: { seen: 1, n: 1 } },
      candidate: { users: { seen: 1, n: 2, failed: 1, atRisk: 1 } },
    });
  });

  it('counts many instances that many servers hear of at once', async () => {
    await begin();
    const each = Array.from({ length: 40 }, (_, index) =>
      users(1, { legacy: [index % 10, 1, index === 3 ? 1 : 0, 0, 0] }, `many-${index}`),
    );
    await Promise.all(each.map((one) => new TelemetryStore(database).receive([one])));
    const sums = (await compare()).counts?.legacy.users;
    expect(sums).toMatchObject({ seen: 10, failed: 1, n: 40, e: 1, nn: 160, ne: 4 });
  });

  it('takes nothing of an epoch that was never served', async () => {
    await begin();
    await store.receive([users(1, { epoch: 2 ** 40, legacy: [1, 1, 0, 0, 0] })]);
    await store.receive([users(2, { legacy: [1, 1, 0, 0, 0] })]);
    expect((await compare()).counts?.legacy.users.seen).toBe(1);
  });

  it('goes on with the thinnest sample that any SDK keeps', async () => {
    await begin();
    const hasher = new SubjectHasher('cvplus-2026a');
    const everybody = Array.from({ length: 200 }, (_, index) => hasher.hash(`user-${index}`));
    await store.receive([users(1, { legacy: everybody.flatMap((subject) => [subject, 1, 0, 0, 0]) })]);
    const before = await compare();
    expect(before.counts?.legacy.users.seen).toBe(200);
    const half = everybody.filter((subject) => subject >>> 31 === 0);
    await store.receive([users(2, { level: 1, legacy: half.flatMap((subject) => [subject, 2, 0, 0, 0]) })]);
    await store.receive([users(1, { legacy: everybody.flatMap((subject) => [subject, 1, 0, 0, 0]) }, 'other')]);
    const after = await compare();
    expect(after.counts?.legacy.users).toMatchObject({ seen: half.length, n: 3 * half.length });
    expect(after.epoch).toBe(before.epoch + 1);
  });

  it('fixes the marks once, tells evaluators, and keeps them', async () => {
    await begin();
    const before = epochNow();
    const legacy: ArmTelemetry = { ...NONE, requests: 1_000, latency: [400, 700, 450, 280, 500, 20], compared: 'all' };
    await store.receive([batch(1, { flags: { [FLAG]: { legacy, candidate: NONE } } })]);
    await flags.refresh();
    const marks = flags.document(environment).flags[FLAG]?.marks;
    expect(marks?.bodyMs).toBeLessThan(marks?.tailMs ?? 0);
    expect(epochNow()).toBeGreaterThan(before);
    expect((await compare()).counts?.legacy.latency).toMatchObject({ timed: 1_000, body: 300, tail: 20 });
    const slower: ArmTelemetry = { ...legacy, requests: 9_000, latency: [400, 700, 450, 280, 500, 8_020] };
    await store.receive([batch(2, { flags: { [FLAG]: { legacy: slower, candidate: NONE } } })]);
    await promote();
    expect(flags.document(environment).flags[FLAG]?.marks).toEqual(marks);
    expect((await compare()).counts?.legacy.latency).toMatchObject({ timed: 9_000, body: 8_300, tail: 8_020 });
  });

  it('keeps nobody of a split that is over, nor of flags that were silent for weeks', async () => {
    await compactTelemetry(database, Date.now());
    const others = await tallies();
    await begin();
    await store.receive([users(1, { legacy: [1, 1, 0, 0, 0, 2, 1, 0, 0, 0] })]);
    await promote();
    await store.receive([users(2, { legacy: [3, 1, 0, 0, 0] })]);
    expect(await tallies()).toBe(others + 3);
    await compactTelemetry(database, Date.now());
    expect(await tallies()).toBe(others + 1);
    await database.query(`update theseus.comparison set at = at - interval '60 days' where environment = $1`, [
      environment,
    ]);
    await compactTelemetry(database, Date.now());
    expect(await tallies()).toBe(others);
    await store.receive([users(3, { legacy: [4, 1, 0, 0, 0] })]);
    expect((await compare()).counts?.legacy.users).toMatchObject({ seen: 1, n: 1 });
  });
});
