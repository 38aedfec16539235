import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Gate } from '@theseus/core/health';
import { type Plan, planHash } from '@theseus/core/plan';
import type { RecordedEvent, RunView } from '@theseus/core/rollout';
import { createTheseus, type TheseusClient } from '@theseus/sdk';
import { startServer, type TheseusServer } from '@theseus/server';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  common,
  phase,
  plan,
  ramp,
  rollbackNow,
  rule,
  standardGate,
} from '../../packages/core/test-support/given-plan.ts';
import { type TestDatabase, testDatabase } from '../../packages/server/test-support/test-database.ts';

const ADA = { userId: 'ada' };
const gate: Gate = { ...standardGate, everyMs: 100, minSample: 5, rules: [rule({ text: 'errors > 5%' }, rollbackNow)] };

let postgres: TestDatabase;
let server: TheseusServer;
let folder: string;
let tokens = { operator: '', sdk: '' };
let clients: TheseusClient[] = [];

beforeAll(async () => {
  postgres = await testDatabase();
  folder = await mkdtemp(join(tmpdir(), 'theseus-environments-'));
  await chmod(folder, 0o755);
  const onTokens = (made: typeof tokens): void => {
    tokens = made;
  };
  server = await startServer({ folder, databaseUrl: postgres.url, port: 0, onTokens });
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
});

afterAll(async () => {
  await server?.stop();
  await postgres?.close();
  await rm(folder, { recursive: true, force: true });
});

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: never;
}

async function call(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${tokens.operator}`, 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const parsed = text === '' ? null : JSON.parse(text);
  return { status: response.status, headers: response.headers, body: parsed as never };
}

const ask = (checked: Plan): Promise<Answer> =>
  call('POST', '/api/v1/runs', { plan: checked, planHash: planHash(checked) });

async function begin(checked: Plan): Promise<string> {
  const started = await ask(checked);
  expect(started.status).toBe(201);
  return (started.body as { run: RunView }).run.runId;
}

const view = async (runId: string): Promise<RunView> =>
  ((await call('GET', `/api/v1/runs/${runId}`)).body as { run: RunView }).run;

async function confirmations(runId: string): Promise<readonly number[]> {
  const { events } = (await call('GET', `/api/v1/runs/${runId}/events?limit=1000`)).body as { events: RecordedEvent[] };
  return events.flatMap(({ event }) => (event.type === 'flag.exposure-confirmed' ? event.instances : []));
}

async function command(runId: string, verb: object): Promise<void> {
  expect((await call('POST', `/api/v1/runs/${runId}/commands`, { verb, reason: 'test' })).status).toBe(200);
}

async function connect(environment?: string): Promise<TheseusClient> {
  const client = createTheseus({
    url: server.url,
    token: tokens.sdk,
    service: 'front',
    log: () => undefined,
    ...(environment === undefined ? {} : { environment }),
  });
  clients.push(client);
  expect(await client.ready(10_000)).toBe(true);
  return client;
}

async function until(
  reached: () => Promise<boolean> | boolean,
  between: () => Promise<void> | void = () => undefined,
): Promise<void> {
  const deadline = Date.now() + 25_000;
  while (!(await reached())) {
    if (Date.now() > deadline) throw new Error('it did not happen within 25 s');
    await between();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
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
    const listed = async () => ((await call('GET', '/api/v1/instances')).body as { instances: unknown[] }).instances;
    await until(async () => (await listed()).length === 4);
    const inStaging = await begin(everybody('staging', 'cache'));
    await until(() => staging.enabled('cache', ADA) && twin.enabled('cache', ADA));
    expect(production.details('cache', ADA)).toMatchObject({ arm: 'legacy', errorCode: 'FLAG_NOT_FOUND' });

    const inProduction = await begin(everybody('production', 'cache'));
    await until(() => production.enabled('cache', ADA));
    expect(await view(inStaging)).toMatchObject({ environment: 'staging' });
    await until(async () => (await confirmations(inProduction)).length === 1);
    await until(async () => (await confirmations(inStaging)).length === 1);
    expect([await confirmations(inStaging), await confirmations(inProduction)]).toEqual([[2], [1]]);

    const before = production.version;
    const heard: number[] = [];
    production.onChange(({ version }) => void heard.push(version));
    await until(
      async () => (await view(inStaging)).status === 'finished',
      () => {
        serve(staging, 'cache', true);
        serve(production, 'cache', false);
      },
    );
    const [rollback] = (await view(inStaging)).rollbacks;
    expect(rollback).toMatchObject({ status: 'completed', target: 'cache' });
    expect(rollback?.verification).toContain('cache: every instance serves legacy');
    expect([staging.enabled('cache', ADA), twin.enabled('cache', ADA)]).toEqual([false, false]);

    await until(async () => (await view(inProduction)).phases[0]?.steps[0]?.health[0]?.verdict === 'pass');
    expect(await view(inProduction)).toMatchObject({ status: 'running', rollbacks: [] });
    expect([production.enabled('cache', ADA), production.version, heard]).toEqual([true, before, []]);
    expect(elsewhere.details('cache', ADA).errorCode).toBe('FLAG_NOT_FOUND');
    const totals = async (environment: string) =>
      ((await call('GET', `/api/v1/telemetry/totals?environment=${environment}`)).body as { flags: never }).flags;
    expect(await totals('production')).toMatchObject({ cache: { candidate: { errors: 0 }, legacy: { requests: 0 } } });
    expect((await totals('staging'))['cache']['candidate']['errors']).toBeGreaterThanOrEqual(5);
    expect(await totals('default')).not.toHaveProperty('cache');
    await command(inProduction, { verb: 'abort' });
  });

  it('wait for their own instances only [CO-8]', async () => {
    const stuck = (sequence: number, last = {}) =>
      call('POST', '/api/v1/telemetry', {
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
    const [inBlue, inGreen] = [await begin(everybody('blue', 'search')), await begin(everybody('green', 'search'))];
    const isConfirmed = async (runId: string) => (await view(runId)).flags[0]?.confirmed === true;
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
    const { instances } = (await call('GET', '/api/v1/instances?environment=blue')).body as { instances: unknown[] };
    expect(instances).toEqual([]);
    for (const runId of [inBlue, inGreen]) await command(runId, { verb: 'abort' });
  });

  it('are told apart by header or query in every way to ask, and a name that cannot be one is refused [CO-2, CO-8]', async () => {
    const runId = await begin(everybody('asked', 'menu'));
    const context = { context: { targetingKey: 'ada' } };
    const asked = { 'theseus-environment': 'asked' };
    await until(async () => (await call('GET', '/api/feature-flags/menu?environment=asked&userId=ada')).status === 200);
    const answers = await Promise.all([
      call('GET', '/api/feature-flags/menu?userId=ada', undefined, asked),
      call('POST', '/ofrep/v1/evaluate/flags/menu', context, asked),
      call('POST', '/ofrep/v1/evaluate/flags/menu?environment=asked', context),
      call('GET', '/api/feature-flags/menu?environment=elsewhere&userId=ada', undefined, asked),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    for (const { body, headers } of answers) {
      expect(body).toMatchObject({ variant: 'candidate' });
      expect(headers.get('vary')).toContain('theseus-environment');
    }
    const elsewhere = await Promise.all([
      call('GET', '/api/feature-flags/menu?userId=ada'),
      call('POST', '/ofrep/v1/evaluate/flags/menu', context, { 'theseus-environment': 'nowhere' }),
    ]);
    expect(elsewhere.map(({ status }) => status)).toEqual([404, 404]);
    const bulk = await call('POST', '/ofrep/v1/evaluate/flags?environment=nowhere', context);
    expect(bulk).toMatchObject({ status: 200, body: { flags: [] } });
    const unknown = await call('GET', '/api/v1/flags?environment=nowhere');
    expect(unknown).toMatchObject({ status: 200, body: { version: 0, flags: {}, segments: {} } });

    const refused = await Promise.all([
      call('GET', '/api/v1/flags?environment=Not%20A%20Name'),
      call('GET', '/api/v1/flags/stream', undefined, { 'theseus-environment': '../etc' }),
      call('GET', `/api/feature-flags/menu?environment=${'x'.repeat(61)}`),
      call('POST', '/ofrep/v1/evaluate/flags?environment=UPPER', context),
      call('POST', '/api/v1/signals/complaints/report', { value: 1, environment: 'UPPER' }),
    ]);
    expect(refused.map(({ status }) => status)).toEqual([400, 400, 400, 400, 400]);
    for (const { body } of refused) expect(JSON.stringify(body)).toContain('kebab-case with at most 60 characters');
    expect(refused[3]?.body).toMatchObject({ errorCode: 'GENERAL' });
    await command(runId, { verb: 'abort' });
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
    const [inStaging, inProduction] = [await begin(loud('staging')), await begin(loud('production'))];
    const report = (body: object) => call('POST', '/api/v1/signals/complaints/report', body);
    expect((await report({ value: 3 })).body).toEqual({ usedBy: [inStaging, inProduction] });
    expect((await report({ value: 21, environment: 'staging' })).body).toEqual({ usedBy: [inStaging] });
    const wrong = await report({ value: 21, environment: 'staging', run: inProduction });
    expect(wrong).toMatchObject({ status: 400, body: { error: { message: expect.stringContaining('production') } } });
    await until(async () => (await view(inStaging)).rollbacks.length === 1);
    const health = async () => (await view(inProduction)).phases[0]?.steps[0]?.health[0];
    await until(async () => (await health())?.verdict === 'pass');
    expect((await view(inProduction)).rollbacks).toEqual([]);
    await command(inProduction, { verb: 'abort' });
  });
});

const hash = (letter: string): string => `sha256:${letter.repeat(64)}`;

/** A plan that ends when somebody agrees. */
const asking = (environment: string, contentHash: string): Plan =>
  plan([phase('one', [{ ...common('one/go'), kind: 'approve', by: [], question: 'Go?' }])], {
    name: 'ordered',
    environment,
    after: environment === 'production' ? 'staging' : null,
    contentHash,
  });

async function refusal(checked: Plan): Promise<string> {
  const answer = await ask(checked);
  expect(answer).toMatchObject({ status: 409, body: { error: { code: 'invalid-state' } } });
  return (answer.body as { error: { message: string } }).error.message;
}

describe('a plan that comes after staging', () => {
  it('starts in production only when exactly its content has succeeded there [CO-8]', async () => {
    const production = asking('production', hash('a'));
    const never = await refusal(production);
    expect(never).toContain(hash('a'));
    expect(never).toContain('nothing of this plan was ever run in staging');

    const aborted = await begin(asking('staging', hash('a')));
    expect(await refusal(production)).toContain(`run ${aborted} of this content, which is still running`);
    await command(aborted, { verb: 'abort' });
    await until(async () => (await view(aborted)).status === 'finished');
    expect(await refusal(production)).toContain(`run ${aborted} of this content, which ended as aborted`);

    const other = await begin(asking('staging', hash('b')));
    await command(other, { verb: 'approve' });
    expect((await view(other)).outcome).toBe('succeeded');
    expect(await refusal(production)).toContain(`run ${aborted} of this content`);
    const third = await refusal(asking('production', hash('c')));
    expect(third).toContain(`run ${other} of other content, ${hash('b')}, which ended as succeeded`);
    expect(third).toContain('run exactly this plan in staging first');

    const same = await begin(asking('staging', hash('a')));
    await command(same, { verb: 'approve' });
    const started = await begin(production);
    expect(await view(started)).toMatchObject({ environment: 'production', status: 'running' });
    await begin(asking('production', hash('b')));
  });

  it('is refused when a plan of another name succeeded under the same hash [CO-8]', async () => {
    const staging = { ...asking('staging', hash('d')), name: 'somebody-elses' };
    await command(await begin(staging), { verb: 'approve' });
    expect(await refusal(asking('production', hash('d')))).toContain('other content');
  });
});
