import { chmod, mkdtemp, rm, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Gate } from '@theseus/core/health';
import { type Plan, planHash } from '@theseus/core/plan';
import { findBrokenLink, type RecordedEvent, type RunView } from '@theseus/core/rollout';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { common, phase, plan, ramp, rollbackNow, rule, standardGate } from '../../../core/test-support/given-plan.ts';
import { type TestDatabase, testDatabase } from '../../test-support/test-database.ts';
import { startServer, type TheseusServer } from './start-server.ts';

const gate: Gate = { ...standardGate, everyMs: 100, minSample: 5, rules: [rule({ text: 'errors > 5%' }, rollbackNow)] };

let postgres: TestDatabase;
let server: TheseusServer;
let folder: string;
let tokens: { operator: string; sdk: string };
let hook: Server;
const delivered: { text: string; key: string | undefined }[] = [];

beforeAll(async () => {
  postgres = await testDatabase();
  folder = await mkdtemp(join(tmpdir(), 'theseus-server-'));
  await chmod(folder, 0o755);
  server = await startServer({
    folder,
    databaseUrl: postgres.url,
    port: 0,
    allowRun: true,
    onTokens: (made) => {
      tokens = made;
    },
  });
  hook = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      delivered.push({ text: JSON.parse(body).text, key: request.headers['idempotency-key'] as string | undefined });
      response.end();
    });
  });
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
}, 60_000);

afterAll(async () => {
  hook?.close();
  await server?.stop();
  await postgres?.close();
  await rm(folder, { recursive: true, force: true });
});

async function call(
  method: string,
  path: string,
  body?: unknown,
  token = tokens.operator,
): Promise<{ status: number; body: never; headers: Headers }> {
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: (text === '' ? null : JSON.parse(text)) as never, headers: response.headers };
}

const view = async (runId: string) => ((await call('GET', `/api/v1/runs/${runId}`)).body as { run: RunView }).run;
const eventsOf = async (runId: string) =>
  ((await call('GET', `/api/v1/runs/${runId}/events?limit=1000`)).body as { events: RecordedEvent[] }).events;

async function begin(checked: Plan): Promise<string> {
  const started = await call('POST', '/api/v1/runs', { plan: checked, planHash: planHash(checked) });
  expect(started.status).toBe(201);
  return (started.body as { run: RunView }).run.runId;
}

/** One SDK instance for all tests: it reports as told and always serves the newest version, so nobody waits for it. */
class Instance {
  #sequence = 0;
  readonly #counted = new Map<string, { requests: number; errors: number }>();

  async report(flag: string, requests: number, errors: number): Promise<void> {
    const before = this.#counted.get(flag) ?? { requests: 0, errors: 0 };
    const sum = { requests: before.requests + requests, errors: before.errors + errors };
    this.#counted.set(flag, sum);
    this.#sequence += 1;
    const document = (await call('GET', '/api/v1/flags', undefined, tokens.sdk)).body as { version: number };
    const arm = { ...sum, fallbacks: 0, latency: [100, sum.requests] };
    const batch = {
      instance: 'test-1',
      service: 'test',
      sequence: this.#sequence,
      servedVersion: document.version,
      flags: { [flag]: { legacy: { ...arm, errors: 0 }, candidate: arm } },
    };
    expect((await call('POST', '/api/v1/telemetry', batch, tokens.sdk)).status).toBe(200);
  }
}

const instance = new Instance();

async function until(
  reached: () => Promise<boolean>,
  between: () => Promise<void> = async () => undefined,
): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await reached())) {
    if (Date.now() > deadline) throw new Error('it did not happen within 20 s');
    await between();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('startServer()', () => {
  it('runs a plan from backup to finished ramp on reported traffic, sends its message once and keeps a whole log', async () => {
    const channels = {
      chat: { kind: 'webhook', name: 'chat', url: `http://127.0.0.1:${(hook.address() as AddressInfo).port}/` },
    } as const;
    const checked = plan(
      [
        phase('prepare', [
          {
            ...common('prepare/save'),
            kind: 'backup',
            name: 'save',
            command: { argv: ['node', '-e', 'console.log("saved as b-42")'], repeatable: true },
            captures: [{ name: 'backup_id', pattern: 'saved as (\\S+)' }],
            verify: {
              argv: ['node', '-e', 'process.exit(process.argv[1] === "b-42" ? 0 : 1)', '${{ backup_id }}'],
              repeatable: true,
            },
          },
        ]),
        phase(
          'one',
          [
            ramp('one', 'easy', { soakMs: 300 }),
            { ...common('one/tell'), kind: 'notify', channel: 'chat', message: 'done' },
          ],
          ['prepare'],
        ),
      ],
      { gates: { standard: gate }, channels },
    );
    const runId = await begin(checked);
    await until(
      async () => (await view(runId)).status === 'finished',
      () => instance.report('easy', 20, 0),
    );
    expect((await view(runId)).outcome).toBe('succeeded');
    expect(delivered).toEqual([{ text: 'one of Moving is done', key: `${runId}/one/tell#1.1` }]);
    const events = await eventsOf(runId);
    expect(findBrokenLink(events)).toBeNull();
    const finished = events.flatMap(({ event }) => (event.type === 'effect.finished' ? event.effectId : []));
    expect(new Set(finished).size).toBe(finished.length);
    expect(events.some(({ event }) => event.type === 'flag.exposure-confirmed' && event.instances === 1)).toBe(true);
  });

  it('rolls a failing candidate back from its traffic alone and proves that every instance serves legacy [CV-4, CV-10]', async () => {
    const checked = plan([phase('one', [ramp('one', 'bad', { soakMs: 60_000 })])], { gates: { standard: gate } });
    const runId = await begin(checked);
    await until(
      async () => (await view(runId)).status === 'finished',
      () => instance.report('bad', 20, 8),
    );
    const [rollback] = (await view(runId)).rollbacks;
    expect(rollback).toMatchObject({ scope: 'flag', target: 'bad', status: 'completed', withinBudget: true });
    expect(rollback?.verification).toContain('bad: every instance serves legacy');
    expect(rollback?.durationMs).toBeLessThan(120_000);
    const document = (await call('GET', '/api/v1/flags')).body as { flags: Record<string, { exposure: number }> };
    expect(document.flags['bad']?.exposure).toBe(0);
  });

  it('judges a reported value: complaints over the limit roll back, whoever reports them [CO-10]', async () => {
    const signals = {
      complaints: {
        name: 'complaints',
        source: { kind: 'reported' },
        unit: 'percent',
        overMs: 60_000,
        freshForMs: 60_000,
      },
    } as const;
    const rules = [
      rule({ text: 'complaints > 20%', signal: 'complaints', bound: { kind: 'absolute', value: 20 } }, rollbackNow),
    ];
    const checked = plan([phase('one', [ramp('one', 'loud', { soakMs: 60_000 })])], {
      signals,
      gates: { standard: { ...gate, rules } },
    });
    const runId = await begin(checked);
    const kept = await call('POST', '/api/v1/signals/complaints/report', { value: 3, run: runId });
    expect(kept.body).toEqual({ usedBy: [runId] });
    expect((await call('POST', '/api/v1/signals/complaints/report', { value: 3 })).body).toEqual({ usedBy: [runId] });
    expect((await call('POST', '/api/v1/signals/complains/report', { value: 3 })).body).toEqual({ usedBy: [] });
    const wrong = await call('POST', '/api/v1/signals/complains/report', { value: 3, run: runId });
    expect(wrong.status).toBe(404);
    expect((wrong.body as { error: { message: string } }).error.message).toContain('it has: complaints');
    await until(async () => (await view(runId)).phases[0]?.steps[0]?.health[0]?.verdict === 'pass');
    await call('POST', '/api/v1/signals/complaints/report', { value: 21, run: runId }, tokens.sdk);
    await until(async () => (await view(runId)).rollbacks.length === 1);
    expect((await view(runId)).rollbacks[0]?.reason).toContain('complaints 21 breaks complaints > 20%');
  });

  it('shows who is waited for, and goes on when they agree [ALL-6, CV-5]', async () => {
    const people = { ana: { name: 'ana', roles: ['lead'] } };
    const checked = plan(
      [phase('one', [{ ...common('one/go'), kind: 'approve', by: [{ role: 'lead', count: 1 }], question: 'Go?' }])],
      { people },
    );
    const runId = await begin(checked);
    const [wait] = (await view(runId)).waits;
    expect(wait).toMatchObject({
      on: 'person',
      text: 'Go? Waits for lead.',
      endedBy: 'lead',
      command: `theseus approve ${runId} --step one/go`,
    });
    const approve = { verb: { verb: 'approve' }, reason: 'looks good', commandId: 'click-1' };
    expect((await call('POST', `/api/v1/runs/${runId}/commands`, { ...approve, person: 'eve' })).status).toBe(403);
    expect((await call('POST', `/api/v1/runs/${runId}/commands`, { ...approve, person: 'ana' })).status).toBe(200);
    expect((await view(runId)).outcome).toBe('succeeded');
  });

  it('shows a run anew when it can listen to the database again: what was said meanwhile was missed', async () => {
    const people = { ana: { name: 'ana', roles: ['lead'] } };
    const checked = plan(
      [phase('one', [{ ...common('one/wait'), kind: 'approve', by: [{ role: 'lead', count: 1 }], question: 'Go?' }])],
      { people },
    );
    const abort = new AbortController();
    const { body } = await fetch(`${server.url}/api/v1/runs/${await begin(checked)}/stream`, {
      headers: { authorization: `Bearer ${tokens.operator}` },
      signal: abort.signal,
    });
    let views = 0;
    const read = (async () => {
      for await (const text of body?.pipeThrough(new TextDecoderStream()) ?? [])
        views += text.split('event: view').length - 1;
    })();
    await until(async () => views > 0);
    const before = views;
    const client = new pg.Client({ connectionString: postgres.url });
    await client.connect();
    await client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where application_name = 'theseus-listen' and datname = current_database()`,
    );
    await client.end();
    await until(async () => views > before);
    abort.abort();
    await read.catch(() => undefined);
  });

  it('answers one flag over plain HTTP, with an ETag to poll by, and over OFREP [CO-2]', async () => {
    const checked = plan([phase('one', [ramp('one', 'asked', { soakMs: 60_000, through: [100_000] })])], {
      gates: { standard: gate },
    });
    await begin(checked);
    const one = await call('GET', '/api/feature-flags/asked?userId=ada', undefined, tokens.sdk);
    expect(one.body).toMatchObject({ key: 'asked', enabled: true, variant: 'candidate' });
    const again = await fetch(`${server.url}/api/feature-flags/asked?userId=ada`, {
      headers: { authorization: `Bearer ${tokens.sdk}`, 'if-none-match': one.headers.get('etag') ?? '' },
    });
    expect(again.status).toBe(304);
    const typed = encodeURIComponent('{"userId":"ada","seats":5}');
    const same = await call('GET', `/api/feature-flags/asked?context=${typed}`, undefined, tokens.sdk);
    expect(same.body).toEqual(one.body);
    const wrong = await call('GET', '/api/feature-flags/asked?context=ada', undefined, tokens.sdk);
    expect([wrong.status, wrong.body]).toMatchObject([
      400,
      { error: { message: expect.stringContaining('JSON object') } },
    ]);
    const context = { context: { targetingKey: 'ada' } };
    const single = await call('POST', '/ofrep/v1/evaluate/flags/asked', context, tokens.sdk);
    expect(single.body).toMatchObject({ key: 'asked', value: true, variant: 'candidate', reason: 'SPLIT' });
    const bulk = await call('POST', '/ofrep/v1/evaluate/flags', context, tokens.sdk);
    expect((bulk.body as { flags: { key: string }[] }).flags.map(({ key }) => key)).toContain('asked');
    const missing = await call('POST', '/ofrep/v1/evaluate/flags/nope', context, tokens.sdk);
    expect(missing).toMatchObject({ status: 404, body: { errorCode: 'FLAG_NOT_FOUND' } });
    const noKey = await call('POST', '/ofrep/v1/evaluate/flags/asked', { context: {} }, tokens.sdk);
    expect(noKey.body).toMatchObject({ value: false, variant: 'legacy', reason: 'UNKNOWN' });
    expect((await call('POST', '/ofrep/v1/evaluate/flags/asked', {}, tokens.sdk)).status).toBe(400);
  });

  it('lets nobody in without a token, and an SDK only where SDKs belong', async () => {
    const document = (await (await fetch(`${server.url}/openapi.json`)).json()) as {
      paths: Record<string, Record<string, unknown>>;
    };
    const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => ({ path, method: method.toUpperCase() })),
    );
    expect(routes.length).toBeGreaterThan(12);
    for (const { path, method } of routes) {
      const place = path.replaceAll(/\{\w+\}/g, 'x');
      const bare = await fetch(`${server.url}${place}`, { method });
      const wrong = await fetch(`${server.url}${place}`, { method, headers: { authorization: 'Bearer ths_op_wrong' } });
      const open = path === '/api/v1/health';
      expect([path, bare.status, wrong.status]).toEqual(open ? [path, 200, 200] : [path, 401, 401]);
      if (!path.startsWith('/api/v1/runs') && !path.includes('totals') && !path.includes('instances')) continue;
      const sdk = await fetch(`${server.url}${place}`, { method, headers: { authorization: `Bearer ${tokens.sdk}` } });
      expect([path, sdk.status]).toEqual([path, 403]);
    }
  });

  it.each<[string, string, unknown, number]>([
    ['a plan that is none', '/api/v1/runs', { plan: { kind: 'plan' }, planHash: `sha256:${'0'.repeat(64)}` }, 422],
    [
      'a plan under a wrong hash',
      '/api/v1/runs',
      { plan: plan([phase('a', [ramp('a', 'x')])]), planHash: `sha256:${'0'.repeat(64)}` },
      422,
    ],
    ['an unknown verb', '/api/v1/runs/latest/commands', { verb: { verb: 'explode' }, reason: 'x' }, 400],
    ['a command without a reason', '/api/v1/runs/latest/commands', { verb: { verb: 'pause' }, reason: '' }, 400],
    ['a run that does not exist', '/api/v1/runs/nope/commands', { verb: { verb: 'pause' }, reason: 'x' }, 404],
    ['a report for a run that does not exist', '/api/v1/signals/a/report', { value: 1, run: 'nope' }, 404],
    ['NaN reported as text', '/api/v1/signals/a/report', { value: 'NaN' }, 400],
    ['a place that does not exist', '/api/v1/nope', {}, 404],
  ])('refuses %s in words', async (_what, path, body, status) => {
    const answer = await call('POST', path, body);
    expect(answer.status).toBe(status);
    expect((answer.body as { error: { message: string } }).error.message.length).toBeGreaterThan(10);
  });

  it('stores no token that could be used, and shows the first ones once', async () => {
    expect(tokens.operator).toMatch(/^ths_op_/);
    const again = await startServer({
      folder,
      databaseUrl: postgres.url,
      port: 0,
      onTokens: () => expect.unreachable(),
    });
    await again.stop();
    await expect(stat(join(folder, 'credentials.json'))).rejects.toThrow('ENOENT');
    const log = JSON.stringify(await eventsOf('latest'));
    expect(log).not.toContain(tokens.operator);
  });
});
