import type { FlagDocument, FlagPatch } from '@theseus/core/flag';
import type { Gate } from '@theseus/core/health';
import type { Plan } from '@theseus/core/plan';
import { createTheseus, type TheseusClient } from '@theseus/sdk';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { phase, plan, ramp, rollbackNow, rule, standardGate } from '../../packages/core/test-support/given-plan.ts';
import { type RunningServer, runningServer, until } from '../test-support/running-server.ts';

const ADA = { userId: 'ada' };
const gate: Gate = { ...standardGate, everyMs: 100, minSample: 5, rules: [rule({ text: 'errors > 5%' }, rollbackNow)] };

let theseus: RunningServer;
const clients: TheseusClient[] = [];

beforeAll(async () => {
  theseus = await runningServer();
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
});

afterAll(() => theseus?.stop());

async function confirmations(runId: string): Promise<readonly number[]> {
  return (await theseus.events(runId)).flatMap((event) =>
    event.type === 'flag.exposure-confirmed' ? event.instances : [],
  );
}

async function connect(environment?: string): Promise<TheseusClient> {
  const client = createTheseus({
    url: theseus.url,
    token: theseus.sdkToken,
    service: 'front',
    log: () => undefined,
    ...(environment === undefined ? {} : { environment }),
  });
  clients.push(client);
  expect(await client.ready(10_000)).toBe(true);
  return client;
}

/** Twenty requests, each of which takes the arm its subject has; the candidate fails where it is told to. */
function serve(client: TheseusClient, flag: string, isFailing: boolean): void {
  for (let number = 0; number < 20; number += 1) {
    client.route(
      flag,
      { userId: `user-${number}` },
      {
        legacy: () => 'old',
        candidate: () => {
          if (isFailing) throw new Error('broken');
          return 'new';
        },
      },
    );
  }
}

const everybody = (environment: string, flag: string): Plan =>
  plan([phase('one', [ramp('one', flag, { through: [100_000], soakMs: 60_000 })])], {
    gates: { standard: gate },
    environment,
  });

describe('two environments on one server', () => {
  it('expose, judge, roll back and confirm the same flag each for itself [CO-8]', async () => {
    const [staging, twin, production, elsewhere] = [
      await connect('staging'),
      await connect('staging'),
      await connect('production'),
      await connect(),
    ] as const;
    const listed = async () =>
      ((await theseus.call('GET', '/api/v1/instances')).body as { instances: unknown[] }).instances;
    await until(async () => (await listed()).length === 4);
    const inStaging = await theseus.begin(everybody('staging', 'cache'));
    await until(() => staging.enabled('cache', ADA) && twin.enabled('cache', ADA));
    expect(production.details('cache', ADA)).toMatchObject({ arm: 'legacy', errorCode: 'FLAG_NOT_FOUND' });

    const inProduction = await theseus.begin(everybody('production', 'cache'));
    await until(() => production.enabled('cache', ADA));
    expect(await theseus.view(inStaging)).toMatchObject({ environment: 'staging' });
    await until(async () => (await confirmations(inProduction)).length === 1);
    await until(async () => (await confirmations(inStaging)).length === 1);
    expect([await confirmations(inStaging), await confirmations(inProduction)]).toEqual([[2], [1]]);

    const before = production.version;
    const heard: number[] = [];
    production.onChange(({ version }) => void heard.push(version));
    await until(
      async () => (await theseus.view(inStaging)).status === 'finished',
      () => {
        serve(staging, 'cache', true);
        serve(production, 'cache', false);
      },
    );
    const [rollback] = (await theseus.view(inStaging)).rollbacks;
    expect(rollback).toMatchObject({ status: 'completed', target: 'cache' });
    expect(rollback?.verification).toContain('cache: every instance serves legacy');
    expect([staging.enabled('cache', ADA), twin.enabled('cache', ADA)]).toEqual([false, false]);

    await until(async () => (await theseus.view(inProduction)).phases[0]?.steps[0]?.health[0]?.verdict === 'pass');
    expect(await theseus.view(inProduction)).toMatchObject({ status: 'running', rollbacks: [] });
    expect([production.enabled('cache', ADA), production.version, heard]).toEqual([true, before, []]);
    expect(elsewhere.details('cache', ADA).errorCode).toBe('FLAG_NOT_FOUND');
    const totals = async (environment: string) =>
      ((await theseus.call('GET', `/api/v1/telemetry/totals?environment=${environment}`)).body as { flags: never })
        .flags;
    expect(await totals('production')).toMatchObject({ cache: { candidate: { errors: 0 }, legacy: { requests: 0 } } });
    expect((await totals('staging'))['cache']['candidate']['errors']).toBeGreaterThanOrEqual(5);
    expect(await totals('default')).not.toHaveProperty('cache');
    await theseus.command(inProduction, { verb: 'abort' });
  });

  it('wait for their own instances only [CO-8]', async () => {
    const stuck = (sequence: number, last = {}) =>
      theseus.call('POST', '/api/v1/telemetry', {
        instance: 'stuck',
        service: 'front',
        environment: 'blue',
        sequence,
        servedVersion: 0,
        flags: {},
        ...last,
      });
    let sequence = 1;
    expect((await stuck(sequence)).status).toBe(200);
    const [inBlue, inGreen] = [
      await theseus.begin(everybody('blue', 'search')),
      await theseus.begin(everybody('green', 'search')),
    ];
    const isConfirmed = async (runId: string) => (await theseus.view(runId)).flags[0]?.confirmed === true;
    await until(
      () => isConfirmed(inGreen),
      async () => {
        sequence += 1;
        await stuck(sequence);
      },
    );
    expect([await isConfirmed(inBlue), await confirmations(inGreen)]).toEqual([false, [0]]);
    await stuck(sequence + 1, { closing: true });
    await until(() => isConfirmed(inBlue));
    const { instances } = (await theseus.call('GET', '/api/v1/instances?environment=blue')).body as {
      instances: unknown[];
    };
    expect(instances).toEqual([]);
    for (const runId of [inBlue, inGreen]) await theseus.command(runId, { verb: 'abort' });
  });

  it('are told apart by header or query in every way to ask, and a name that cannot be one is refused [CO-2, CO-8]', async () => {
    const runId = await theseus.begin(everybody('asked', 'menu'));
    const context = { context: { targetingKey: 'ada' } };
    const asked = { 'theseus-environment': 'asked' };
    await until(
      async () => (await theseus.call('GET', '/api/feature-flags/menu?environment=asked&userId=ada')).status === 200,
    );
    const answers = await Promise.all([
      theseus.call('GET', '/api/feature-flags/menu?userId=ada', undefined, asked),
      theseus.call('POST', '/ofrep/v1/evaluate/flags/menu', context, asked),
      theseus.call('POST', '/ofrep/v1/evaluate/flags/menu?environment=asked', context),
      theseus.call('GET', '/api/feature-flags/menu?environment=elsewhere&userId=ada', undefined, asked),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    for (const { body, headers } of answers) {
      expect(body).toMatchObject({ variant: 'candidate' });
      expect(headers.get('vary')).toContain('theseus-environment');
    }
    const elsewhere = await Promise.all([
      theseus.call('GET', '/api/feature-flags/menu?userId=ada'),
      theseus.call('POST', '/ofrep/v1/evaluate/flags/menu', context, { 'theseus-environment': 'nowhere' }),
    ]);
    expect(elsewhere.map(({ status }) => status)).toEqual([404, 404]);
    const bulk = await theseus.call('POST', '/ofrep/v1/evaluate/flags?environment=nowhere', context);
    expect(bulk).toMatchObject({ status: 200, body: { flags: [] } });
    const unknown = await theseus.call('GET', '/api/v1/flags?environment=nowhere');
    expect(unknown).toMatchObject({ status: 200, body: { version: 0, flags: {}, segments: {} } });

    const refused = await Promise.all([
      theseus.call('GET', '/api/v1/flags?environment=Not%20A%20Name'),
      theseus.call('GET', '/api/v1/flags/stream', undefined, { 'theseus-environment': '../etc' }),
      theseus.call('GET', `/api/feature-flags/menu?environment=${'x'.repeat(61)}`),
      theseus.call('POST', '/ofrep/v1/evaluate/flags?environment=UPPER', context),
      theseus.call('POST', '/api/v1/signals/complaints/report', { value: 1, environment: 'UPPER' }),
    ]);
    expect(refused.map(({ status }) => status)).toEqual([400, 400, 400, 400, 400]);
    for (const { body } of refused) expect(JSON.stringify(body)).toContain('kebab-case with at most 60 characters');
    expect(refused[3]?.body).toMatchObject({ errorCode: 'GENERAL' });
    await theseus.command(runId, { verb: 'abort' });
  });

  it('are streamed apart: each stream hears of its own environment only, patch by patch [CO-8]', async () => {
    const ramped = (environment: string): Plan =>
      plan([phase('one', [ramp('one', 'banner', { through: [10_000, 100_000], soakMs: 60_000 })])], { environment });
    const [inWest, inEast] = [await theseus.begin(ramped('west')), await theseus.begin(ramped('east'))];
    for (const environment of ['west', 'east']) {
      const known = () => theseus.call('GET', `/api/feature-flags/banner?environment=${environment}`);
      await until(async () => (await known()).status === 200);
    }
    const path = '/api/v1/flags/stream?environment=';
    const one = '/api/feature-flags/banner?userId=ada&environment=';
    const flags = await Promise.all(
      [`${path}west`, `${path}east`].map((at) => theseus.open<FlagDocument & FlagPatch>(at)),
    );
    const single = await Promise.all([`${one}west`, `${one}east`].map((at) => theseus.open<{ enabled: boolean }>(at)));
    const haveHeard = (count: number) => () => [...flags, ...single].every(({ events }) => events.length >= count);
    await until(haveHeard(1));
    for (const runId of [inEast, inWest]) await theseus.command(runId, { verb: 'promote' });
    await until(haveHeard(2));
    for (const runId of [inEast, inWest]) await theseus.command(runId, { verb: 'abort' });
    await until(haveHeard(3));
    for (const { events } of flags) {
      expect(events.map(({ event }) => event)).toEqual(['put', 'patch', 'patch']);
      expect(events.map(({ data }) => data.flags['banner']?.exposure)).toEqual([10_000, 100_000, 0]);
      expect(events.slice(1).map(({ data }) => data.from)).toEqual(events.slice(0, 2).map(({ data }) => data.version));
    }
    expect(new Set(flags.flatMap(({ events }) => events.map(({ data }) => data.version))).size).toBe(6);
    for (const { events } of single) expect(events.map(({ data }) => data.enabled)).toEqual([false, true, false]);
    for (const { close } of [...flags, ...single]) await close();
  });

  it('each hear what is reported for them, and both what is reported for all [CO-8, CO-10]', async () => {
    const complaints = { name: 'complaints', source: { kind: 'reported' }, unit: 'percent', overMs: 60_000 } as const;
    const condition = {
      text: 'complaints > 20%',
      signal: 'complaints',
      bound: { kind: 'absolute', value: 20 },
    } as const;
    const loud = (environment: string): Plan => ({
      ...everybody(environment, 'loud'),
      signals: { complaints: { ...complaints, freshForMs: 60_000 } },
      gates: { standard: { ...gate, rules: [rule(condition, rollbackNow)] } },
    });
    const [inStaging, inProduction] = [await theseus.begin(loud('staging')), await theseus.begin(loud('production'))];
    const report = (body: object) => theseus.call('POST', '/api/v1/signals/complaints/report', body);
    expect((await report({ value: 3 })).body).toEqual({ usedBy: [inStaging, inProduction] });
    expect((await report({ value: 21, environment: 'staging' })).body).toEqual({ usedBy: [inStaging] });
    const wrong = await report({ value: 21, environment: 'staging', run: inProduction });
    expect(wrong).toMatchObject({ status: 400, body: { error: { message: expect.stringContaining('production') } } });
    await until(async () => (await theseus.view(inStaging)).rollbacks.length === 1);
    const health = async () => (await theseus.view(inProduction)).phases[0]?.steps[0]?.health[0];
    await until(async () => (await health())?.verdict === 'pass');
    expect((await theseus.view(inProduction)).rollbacks).toEqual([]);
    await theseus.command(inProduction, { verb: 'abort' });
  });
});
