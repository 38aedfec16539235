import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Arm, FlagDefinition, FlagDocument, MigrationStage } from '@theseus/core/flag';
import {
  createTheseus,
  memoryRepairQueue,
  openRepairJournal,
  type RepairQueue,
  type TheseusClient,
} from '@theseus/sdk';
import type { Pool } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type TestDatabase, testDatabase } from '../../../../packages/server/test-support/test-database.ts';
import { recommendationOrchestrator } from '../services/recommendation-orchestrator.ts';
import { postgresCache } from '../stores/postgres-cache.ts';
import { makeTables, openPool } from '../stores/postgres-tables.ts';
import { redisCache } from '../stores/redis-cache.ts';
import { createRedisLikeServer } from '../stores/redis-like-server.ts';
import { type Adapters, type AskServer, createAdapters } from './adapters.ts';
import { restoreBreakers, saveBreakers } from './breaker-states.ts';

let testbed: TestDatabase;
let pool: Pool;
let redisServer: Server;
let redis: Awaited<ReturnType<typeof redisCache>>;
let theseus: TheseusClient | undefined;
let flags: Flags;
let failing: ReadonlySet<Arm>;

beforeAll(async () => {
  testbed = await testDatabase();
  pool = openPool(testbed.url);
  await makeTables(pool);
  redisServer = createRedisLikeServer({ now: Date.now, capacity: 1_000 });
  redisServer.listen(0, '127.0.0.1');
  await once(redisServer, 'listening');
  redis = await redisCache(`redis://127.0.0.1:${(redisServer.address() as AddressInfo).port}`);
}, 60_000);

afterAll(async () => {
  redis?.close();
  redisServer?.close();
  await pool?.end();
  await testbed?.close();
});

beforeEach(async () => {
  flags = new Flags();
  failing = new Set();
  await pool.query('truncate cache_entries, workflows, finished_workflows, bookings, announcements');
});

afterEach(async () => {
  await theseus?.close();
  theseus = undefined;
});

/** A server of flags that moves everybody at once. */
class Flags {
  readonly stages = new Map<string, MigrationStage>();
  #version = 1;
  #send: ((text: string) => void) | undefined;

  readonly fetch: typeof globalThis.fetch = async (input) => {
    const path = new URL(input instanceof Request ? input.url : input).pathname;
    if (path.endsWith('/telemetry')) return Response.json({ version: this.#version });
    if (!path.endsWith('/stream')) return Response.json(this.#document());
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#send = (text) => controller.enqueue(new TextEncoder().encode(text));
        this.#send(`event: put\ndata: ${JSON.stringify(this.#document())}\n\n`);
      },
    });
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
  };

  async move(flag: string, stage: MigrationStage, client: TheseusClient): Promise<void> {
    this.stages.set(flag, stage);
    this.#version += 1;
    this.#send?.(`event: put\ndata: ${JSON.stringify(this.#document())}\n\n`);
    const wanted = this.#version;
    await expect.poll(() => client.version).toBe(wanted);
  }

  #document(): FlagDocument {
    const entries = [...this.stages].map(([key, stage]): [string, FlagDefinition] => [key, flagAt(key, stage)]);
    return { version: this.#version, flushEveryMs: 3_600_000, segments: {}, flags: Object.fromEntries(entries) };
  }
}

function flagAt(key: string, stage: MigrationStage): FlagDefinition {
  return {
    key,
    enabled: true,
    cohort: 'userId',
    salt: 'cvplus26',
    exposure: 0,
    requires: [],
    overrides: { candidate: [], legacy: [] },
    rules: [],
    fallback: true,
    migration: { stages: { legacy: stage, candidate: stage }, compared: 100_000, breakAbove: 10_000 },
  };
}

const orchestrators = {
  legacy: recommendationOrchestrator('legacy'),
  candidate: recommendationOrchestrator('candidate'),
};
const ask: AskServer = async (service, arm, user, after = '') => {
  if (failing.has(arm)) throw new Error(`${service} answered 500`);
  return service === 'recommendation-orchestrator' ? orchestrators[arm].answer(user, after) : { user, service };
};

async function given(
  stages: Readonly<Record<string, MigrationStage>>,
  more: { readonly repairs?: RepairQueue; readonly beforeAnnouncement?: (arm: Arm) => void } = {},
): Promise<{ readonly adapters: Adapters; readonly client: TheseusClient }> {
  for (const [flag, stage] of Object.entries(stages)) flags.stages.set(flag, stage);
  const client = createTheseus({ url: 'http://flags.invalid', token: 'x', service: 'front', fetch: flags.fetch });
  theseus = client;
  expect(await client.ready(5_000)).toBe(true);
  const adapters = createAdapters({
    theseus: client,
    ask,
    pool,
    legacyCache: postgresCache(pool),
    candidateCache: redis,
    repairs: more.repairs ?? memoryRepairQueue(),
    ...(more.beforeAnnouncement === undefined ? {} : { beforeAnnouncement: more.beforeAnnouncement }),
  });
  return { adapters, client };
}

describe('the cache of profiles', () => {
  it('is written to PostgreSQL and to Redis, then read from Redis, and both agree all the way [CV-6]', async () => {
    const { adapters, client } = await given({ 'cache-manager': 'off' });
    await adapters.cache.answer('ana');
    expect(await redis.get('ana')).toBeUndefined();
    await flags.move('cache-manager', 'dualwrite', client);
    for (const user of ['ben', 'cleo', 'dan']) await adapters.cache.answer(user);
    for (const user of ['ben', 'cleo', 'dan']) {
      expect(await redis.get(user)).toEqual(await postgresCache(pool).get(user));
    }
    await flags.move('cache-manager', 'live', client);
    const { profile, hit } = await adapters.cache.answer('ben');
    expect({ hit, name: profile.name }).toEqual({ hit: true, name: (await redis.get('ben'))?.name });
    // Whom only the old store knows is brought over, and missed nowhere.
    expect(await adapters.cache.answer('ana')).toMatchObject({ hit: true });
    const known = await postgresCache(pool).get('ana');
    await expect.poll(async () => (await redis.get('ana'))?.name).toBe(known?.name);
    await expect.poll(() => adapters.cache.migration.differences().compared).toBeGreaterThan(0);
    expect(adapters.cache.stats()).toMatchObject({ coherence: 1, filled: 1 });
  });

  it('owes Redis what it could not write, also after a restart, and pays once it is there again [CV-6]', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cvplus-'));
    try {
      const file = join(folder, 'front.repairs');
      const down = {
        ...redis,
        set: () => Promise.reject(new Error('down')),
        get: () => Promise.reject(new Error('down')),
      };
      flags.stages.set('cache-manager', 'dualwrite');
      const client = createTheseus({ url: 'http://flags.invalid', token: 'x', service: 'front', fetch: flags.fetch });
      theseus = client;
      await client.ready(5_000);
      const journal = await openRepairJournal(file);
      const before = createAdapters({
        theseus: client,
        ask,
        pool,
        legacyCache: postgresCache(pool),
        candidateCache: down,
        repairs: journal,
      });
      await before.cache.answer('eve');
      expect(before.cache.migration.health().pendingRepairs).toBe(1);
      expect(await redis.get('eve')).toBeUndefined();
      await client.close();
      await journal.close();
      const next = await openRepairJournal(file);
      await given({ 'cache-manager': 'dualwrite' }, { repairs: next });
      await expect.poll(() => redis.get('eve'), { timeout: 8_000 }).toEqual(await postgresCache(pool).get('eve'));
      await next.close();
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe('workflows in flight', () => {
  it('finish on the arm they began on, while new ones go to the other [CV-8]', async () => {
    const { adapters, client } = await given({ 'recommendation-orchestrator': 'off' });
    const step = (user: string) => adapters.orchestrator.answer(user);
    expect(await step('ana')).toMatchObject({ stage: 'gather', published: false });
    await step('ana');
    await flags.move('recommendation-orchestrator', 'live', client);
    await step('ben');
    for (let at = 0; at < 3; at += 1) await step('ana');
    expect(await adapters.orchestrator.counts()).toEqual({ inFlight: 1, finished: 1, outlivedMove: 1, mixed: 0 });
    const { rows } = await pool.query<{ arms: string }>('select arms from finished_workflows');
    expect(rows).toEqual([{ arms: 'lllll' }]);
    expect((await pool.query<{ arms: string }>('select arms from workflows')).rows).toEqual([{ arms: 'c' }]);
  });
});

describe('an action of several writes', () => {
  it.each<[MigrationStage, Arm]>([
    ['off', 'legacy'],
    ['live', 'candidate'],
  ])('at %s is done whole on %s, or taken back whole where its last write fails [CV-9]', async (stage, arm) => {
    let fails = false;
    const { adapters } = await given(
      { 'action-orchestrator': stage },
      {
        beforeAnnouncement: (of) => {
          if (fails && of === arm) throw new Error('refused');
        },
      },
    );
    expect(await adapters.actions.answer('ana')).toMatchObject({ paid: true });
    fails = true;
    expect(await adapters.actions.answer('ben')).toMatchObject({ paid: false });
    await expect.poll(() => adapters.actions.counts()).toEqual({ whole: 1, half: 0, mixed: 0 });
    const { rows } = await pool.query<{ arm: string; sum: string }>(
      'select arm, sum(amount) from bookings group by arm',
    );
    expect(rows).toEqual([{ arm, sum: '0' }]);
    expect(adapters.actions.takenBack()).toBe(1);
  });
});

describe('the breakers', () => {
  it('open by failures of the candidate, and are put back as they were saved [CV-7]', async () => {
    const { adapters } = await given({ 'recommendation-generator': 'live' });
    const saved = JSON.parse(JSON.stringify(saveBreakers(adapters.breakers))) as Record<string, unknown>;
    failing = new Set(['candidate']);
    for (let call = 0; call < 60; call += 1) await adapters.answers['recommendation-generator'](`user-${call}`);
    expect(adapters.generator.health().breaker).toBe('open');
    const only = { 'recommendation-generator': saved['recommendation-generator'] };
    expect(restoreBreakers(adapters.breakers, only)).toEqual(['recommendation-generator']);
    expect(adapters.generator.health().breaker).toBe('closed');
    expect(() => restoreBreakers(adapters.breakers, { elsewhere: 1 })).toThrow('the states are those of');
  });
});
