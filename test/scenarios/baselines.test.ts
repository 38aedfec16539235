import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Plan, parsePlan } from '@theseus/core/plan';
import type { RolloutEvent } from '@theseus/core/rollout';
import { createTheseus } from '@theseus/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningServer, runningServer, until } from '../test-support/running-server.ts';

let theseus: RunningServer;
let shop: Server;
let address: string;
/** What the shop answers when it is asked for its queue; null while it is away. */
let queue: number | null = 12;

beforeAll(async () => {
  theseus = await runningServer();
  shop = createServer((_request, response) => {
    response.statusCode = queue === null ? 503 : 200;
    response.end(JSON.stringify({ queue }));
  });
  await new Promise<void>((resolve) => shop.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(shop.address() as AddressInfo).port}/stats`;
});

afterAll(async () => {
  shop?.close();
  await theseus?.stop();
});

function planOf(text: string): Plan {
  const { plan, diagnostics } = parsePlan(text, { file: 'plan.yaml' });
  if (plan === null) throw new Error(JSON.stringify(diagnostics));
  return plan;
}

const report = (signal: string, value: number) => theseus.call('POST', `/api/v1/signals/${signal}/report`, { value });
const typesOf = async (run: string): Promise<readonly string[]> => (await theseus.events(run)).map(({ type }) => type);
const held = async (run: string): Promise<string> => (await theseus.view(run)).waits.map(({ text }) => text).join(' ');

async function lastOf<Type extends RolloutEvent['type']>(run: string, type: Type) {
  const found = (await theseus.events(run)).findLast((event) => event.type === type);
  if (found === undefined) throw new Error(`no ${type} in ${run}`);
  return found as Extract<RolloutEvent, { readonly type: Type }>;
}

describe('a baseline', () => {
  it('that cannot be read names the signal, is retried by a person, and is then kept with the run [CV-12] [QA-2]', async () => {
    queue = null;
    const run = await theseus.begin(
      planOf(`
plan: queueing
cohort: userId
signals: { queue: { http: '${address}', pointer: /queue, unit: count } }
gates: { standard: { every: 200ms, rules: [queue > 2x baseline: hold] } }
flags: { queueing: {} }
phases:
  - phase: one
    steps:
      - baseline: { over: 1h }
      - { ramp: queueing, gate: standard, through: [100%], soak: 1s }
`),
    );
    await until(async () => (await typesOf(run)).includes('step.held'));
    expect(await lastOf(run, 'step.held')).toMatchObject({
      hold: 'baseline-failed',
      reason: 'no baseline: queue cannot be read: the source answered HTTP 503',
    });
    expect((await theseus.view(run)).baselines).toEqual([]);
    queue = 12;
    await theseus.command(run, { verb: 'retry', stepId: 'one/baseline' });
    await until(async () => (await theseus.view(run)).outcome === 'succeeded');
    const [baseline, ...more] = (await theseus.view(run)).baselines;
    expect(more).toEqual([]);
    expect(baseline).toMatchObject({
      flag: null,
      signal: 'queue',
      value: 12,
      unit: 'count',
      source: `http ${address}`,
      query: '/queue',
      shape: null,
      usual: { value: 12, when: null },
    });
  }, 30_000);
});

describe('what SDKs count', () => {
  it('is waited for, and recorded by flag with how much of it there was [CV-12] [QA-2]', async () => {
    const client = createTheseus({ url: theseus.url, token: theseus.sdkToken, service: 'shop' });
    await client.ready(5_000);
    let request = 0;
    const traffic = setInterval(() => {
      request += 1;
      const legacy = (): string => {
        if (request % 4 === 0) throw new Error('out of stock');
        return 'served';
      };
      try {
        client.route('counting', { userId: `user-${request % 50}` }, { legacy, candidate: legacy });
      } catch {
        // The user's own trouble.
      }
    }, 5);
    const run = await theseus.begin(
      planOf(`
plan: counting
cohort: userId
signals: { errors: { telemetry: error-rate } }
gates: { standard: { every: 200ms, rules: [errors > 3x baseline: hold] } }
flags: { counting: {} }
phases:
  - phase: one
    steps:
      - baseline: { over: 2s }
      - { ramp: counting, gate: standard, through: [100%], soak: 1h }
`),
    );
    await until(async () => (await theseus.view(run)).baselines.length > 0);
    clearInterval(traffic);
    await client.close();
    const [baseline] = (await theseus.view(run)).baselines;
    expect(baseline).toMatchObject({
      flag: 'counting',
      signal: 'errors',
      unit: 'percent',
      source: 'telemetry',
      shape: null,
    });
    expect(baseline?.value).toBeGreaterThan(15);
    expect(baseline?.value).toBeLessThan(35);
    expect(baseline?.sample?.count).toBeGreaterThanOrEqual(20);
    const { from = 0, to = 0 } = baseline?.over ?? {};
    expect(to - from).toBe(2_000);
    await theseus.command(run, { verb: 'abort' });
  }, 30_000);
});

describe('the costs of an API', () => {
  it('are warned of when they spike, with what they usually are, and take nobody back [CV-13] [CO-13]', async () => {
    for (const spend of [38, 40, 42]) await report('spend', spend);
    const run = await theseus.begin(
      planOf(`
plan: spending
cohort: userId
signals: { spend: { reported: true, unit: count, freshFor: 1h } }
gates: { standard: { every: 100ms, rules: [spend > 2x baseline: warn] } }
flags: { spending: {} }
phases:
  - phase: one
    steps:
      - baseline: { over: 4w }
      - { ramp: spending, gate: standard, through: [10%, 100%], soak: 1h }
`),
    );
    await until(async () => (await typesOf(run)).includes('flag.exposure-changed'));
    expect((await theseus.view(run)).baselines).toMatchObject([
      {
        signal: 'spend',
        value: 40,
        unit: 'count',
        sample: { count: 3, of: 'reports' },
        source: 'reported',
        shape: null,
        noShape: '0 of 168 hours of the week were seen in 2 weeks, 84 are needed',
      },
    ]);
    await report('spend', 95);
    await until(async () => (await typesOf(run)).includes('step.warned'));
    const warned = await lastOf(run, 'step.warned');
    expect(warned.reason).toBe('spend 95 breaks spend > 2x baseline (80)');
    // Who measured what, and against what, is part of the record.
    expect(warned.evidence?.verdict.rules).toMatchObject([{ value: 95, threshold: 80, usual: { value: 40 } }]);
    expect(warned.evidence?.samples.at(-1)?.readings).toMatchObject([{ signal: 'spend', value: 95 }]);
    expect(warned.evidence?.samples.at(-1)?.readings[0]?.source).toMatch(/^reported by \w+/);
    await theseus.command(run, { verb: 'promote', stepId: 'one/spending', toEnd: true });
    await until(async () => (await theseus.view(run)).outcome === 'succeeded');
    expect(await typesOf(run)).not.toContain('rollback.initiated');
  }, 30_000);
});

describe('satisfaction that people report', () => {
  it('keeps the next phase from beginning while it is silent or 90 %, and above lets it begin [PX-15] [CO-13]', async () => {
    const run = await theseus.begin(
      planOf(`
plan: satisfying
cohort: userId
signals: { satisfaction: { reported: true, unit: percent, freshFor: 1h } }
gates: { happy: { every: 100ms, rules: [satisfaction <= 90%: hold] } }
flags: { satisfying: {} }
phases:
  - phase: ask
    steps: [{ watch: { for: 500ms }, gate: happy }]
  - phase: next
    steps: [{ ramp: satisfying, gate: happy, through: [100%], soak: 200ms }]
`),
    );
    const next = async (): Promise<string | undefined> =>
      (await theseus.view(run)).phases.find(({ name }) => name === 'next')?.status;
    await until(async () => (await held(run)).includes('nobody has reported it yet'));
    expect(await next()).toBe('pending');
    await report('satisfaction', 90);
    await until(async () => (await held(run)).includes('satisfaction 90 % breaks satisfaction <= 90%'));
    expect(await next()).toBe('pending');
    const [health] = (await theseus.view(run)).phases.flatMap(({ steps }) => steps.flatMap((step) => step.health));
    expect(health?.rules).toMatchObject([{ signal: 'satisfaction', value: 90, threshold: 90 }]);
    await report('satisfaction', 93);
    await until(async () => (await theseus.view(run)).outcome === 'succeeded');
    expect(await next()).toBe('completed');
  }, 30_000);
});
