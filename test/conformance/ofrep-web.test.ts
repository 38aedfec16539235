import { OFREPWebProvider } from '@openfeature/ofrep-web-provider';
import { type Client, OpenFeature, type Provider, ProviderEvents, ProviderStatus } from '@openfeature/web-sdk';
import { type PlanSource, planFromSource } from '@theseus/core/plan';
import { browserPass } from '@theseus/sdk';
import { EventSource } from 'eventsource';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type RunningServer, runningServer, until } from '../test-support/running-server.ts';

const SOURCE = (name: string): PlanSource => ({
  plan: name,
  cohort: 'userId',
  signals: { errors: { telemetry: 'error-rate' } },
  gates: { standard: { rules: [{ 'errors > 5%': 'rollback now' }] } },
  segments: { internal: { team: ['platform'] } },
  flags: { [name]: { exclude: ['never'], segments: [{ segment: 'internal', exposure: '100%' }] } },
  phases: [{ phase: 'one', steps: [{ ramp: name, gate: 'standard', through: ['50%', '100%'], soak: '1h' }] }],
});

/** By murmur3 of the salt that the plan's name gives: one below 50 %, one above. */
const EVERYBODY = Array.from({ length: 40 }, (_, index) => `user-${index}`);

let theseus: RunningServer;

beforeAll(async () => {
  theseus = await runningServer();
  // As in every browser; Node has it only by a flag.
  vi.stubGlobal('EventSource', EventSource);
});

afterEach(() => OpenFeature.clearProviders());

afterAll(async () => {
  vi.unstubAllGlobals();
  await theseus?.stop();
});

async function begin(name: string): Promise<string> {
  const { plan, problems } = planFromSource(SOURCE(name));
  if (plan === null) throw new Error(JSON.stringify(problems));
  const runId = await theseus.begin(plan);
  await until(async () => {
    const { body } = await theseus.call('GET', '/api/v1/flags');
    return (body as { flags: Record<string, { exposure: number }> }).flags[name]?.exposure === 50_000;
  });
  return runId;
}

async function clientFor(targetingKey: string, token = theseus.sdkToken, more: object = {}): Promise<Client> {
  const provider = new OFREPWebProvider({
    baseUrl: theseus.url,
    headers: [['authorization', `Bearer ${token}`]],
    cacheMode: 'disabled',
    ...more,
  });
  await OpenFeature.setContext({ targetingKey });
  await OpenFeature.setProviderAndWait(provider as Provider);
  return OpenFeature.getClient();
}

const changed = (client: Client) =>
  new Promise<readonly string[]>((resolve) => {
    client.addHandler(ProviderEvents.ConfigurationChanged, (details) => resolve(details?.flagsChanged ?? []));
  });

describe('the stock web provider of OpenFeature', () => {
  it('hears by the event stream that a flag was raised and rolled back, without polling and without a reload [CO-2, ALL-4]', async () => {
    const run = await begin('raised');
    const client = await clientFor('user-0');
    const above = [];
    for (const user of EVERYBODY) {
      await OpenFeature.setContext({ targetingKey: user });
      if (!client.getBooleanValue('raised', true)) above.push(user);
    }
    expect(above.length).toBeGreaterThan(5);
    await OpenFeature.setContext({ targetingKey: above[0] ?? '' });
    expect(client.getBooleanDetails('raised', true)).toMatchObject({
      value: false,
      variant: 'legacy',
      reason: 'SPLIT',
    });
    const raised = changed(client);
    await theseus.command(run, { verb: 'promote', stepId: 'one/raised', toEnd: true });
    expect(await raised).toContain('raised');
    expect(client.getBooleanDetails('raised', false)).toMatchObject({ value: true, variant: 'candidate' });
    const gone = changed(client);
    await theseus.command(run, { verb: 'rollback', scope: 'flag', target: 'raised', overMs: 0 });
    await gone;
    await until(() => !client.getBooleanValue('raised', true));
    expect(client.providerStatus).toBe(ProviderStatus.READY);
  });

  it('asks anew when the subject changes, and is told of the flag set', async () => {
    await begin('subjects');
    const client = await clientFor('never');
    expect(client.getBooleanDetails('subjects', true)).toMatchObject({ value: false, reason: 'TARGETING_MATCH' });
    await OpenFeature.setContext({ targetingKey: 'eva', team: 'platform' });
    expect(client.getBooleanDetails('subjects', false)).toMatchObject({
      value: true,
      variant: 'candidate',
      reason: 'TARGETING_MATCH',
      flagMetadata: { detail: 'SEGMENT', version: expect.any(Number) },
    });
    expect(client.getBooleanDetails('nobody', true)).toMatchObject({ value: true, errorCode: 'FLAG_NOT_FOUND' });
    expect(client.getStringDetails('subjects', 'x')).toMatchObject({ value: 'x', errorCode: 'TYPE_MISMATCH' });
  });

  it('polls where it may not stream', async () => {
    const run = await begin('polled');
    const client = await clientFor('eva', theseus.sdkToken, { changeDetection: 'polling', pollInterval: 30 });
    await OpenFeature.setContext({ targetingKey: 'eva', team: 'platform' });
    expect(client.getBooleanValue('polled', false)).toBe(true);
    const gone = changed(client);
    await theseus.command(run, { verb: 'rollback', scope: 'flag', target: 'polled', overMs: 0 });
    expect(await gone).toContain('polled');
    expect(client.getBooleanValue('polled', true)).toBe(false);
  });

  it('gives up where its token is none, and tells why', async () => {
    await expect(clientFor('ada', 'ths_sdk_wrong')).rejects.toThrow();
    expect(OpenFeature.getClient().providerStatus).toBe(ProviderStatus.FATAL);
  });
});

describe('the event stream of OFREP', () => {
  const bulk = async (environment?: string) => {
    const headers: Record<string, string> = environment === undefined ? {} : { 'theseus-environment': environment };
    const { body } = await theseus.call('POST', '/ofrep/v1/evaluate/flags', { context: {} }, headers);
    return body as {
      metadata: { version: number; environment: string };
      eventStreams: { type: string; endpoint: { requestUri: string }; inactivityDelaySec: number }[];
    };
  };

  it('is named by bulk evaluation, needs no token beside its address, and says at once what is to be had [CO-2]', async () => {
    const { metadata, eventStreams } = await bulk();
    expect(eventStreams).toMatchObject([{ type: 'sse', inactivityDelaySec: 120 }]);
    const source = new EventSource(`${theseus.url}${eventStreams[0]?.endpoint.requestUri}`);
    const event = await new Promise<{ data: string; lastEventId: string }>((resolve) =>
      source.addEventListener('message', resolve),
    );
    source.close();
    expect(event.lastEventId).toBe(String(metadata.version));
    expect(JSON.parse(event.data)).toEqual({ type: 'refetchEvaluation', etag: `"v${metadata.version}"` });
  });

  it('tells of one environment only, and opens nothing else [CO-8]', async () => {
    const { metadata, eventStreams } = await bulk('staging');
    expect(metadata.environment).toBe('staging');
    const address = new URL(`${theseus.url}${eventStreams[0]?.endpoint.requestUri}`);
    const ticket = address.searchParams.get('ticket') ?? '';
    address.searchParams.set('environment', 'default');
    const stolen = await fetch(address);
    expect([stolen.status, await stolen.json()]).toMatchObject([401, { errorCode: 'GENERAL' }]);
    const reused = await fetch(`${theseus.url}/api/v1/flags`, { headers: { authorization: `Bearer ${ticket}` } });
    expect(reused.status).toBe(401);
  });
});

describe('a pass for browsers', () => {
  it('evaluates and hears of changes in its environment, and does nothing else', async () => {
    const run = await begin('passed');
    const pass = browserPass({ token: theseus.sdkToken });
    const client = await clientFor('eva', pass);
    await OpenFeature.setContext({ targetingKey: 'eva', team: 'platform' });
    expect(client.getBooleanValue('passed', false)).toBe(true);
    const gone = changed(client);
    await theseus.command(run, { verb: 'rollback', scope: 'flag', target: 'passed', overMs: 0 });
    expect(await gone).toContain('passed');
    const statusOf = async (path: string, method = 'GET') =>
      (await fetch(`${theseus.url}${path}`, { method, headers: { authorization: `Bearer ${pass}` } })).status;
    expect(await statusOf('/api/feature-flags/passed?userId=eva')).toBe(200);
    expect(await statusOf('/api/feature-flags/passed?userId=eva&environment=staging')).toBe(403);
    for (const path of ['/api/v1/flags', '/api/v1/flags/stream', '/api/v1/runs', '/api/v1/instances']) {
      expect([path, await statusOf(path)]).toEqual([path, 403]);
    }
    for (const path of ['/api/v1/telemetry', '/api/v1/signals/a/report', '/api/v1/alerts']) {
      expect([path, await statusOf(path, 'POST')]).toEqual([path, 403]);
    }
  });
});

describe('a server that is asked too much', () => {
  it('refuses in words that the stock provider understands: it is stale, and goes on with what it knows [CO-2]', async () => {
    const busy = await runningServer({ api: { maxEvaluationsPerSecond: 1 } });
    const provider = new OFREPWebProvider({
      baseUrl: busy.url,
      headers: [['authorization', `Bearer ${busy.sdkToken}`]],
      cacheMode: 'disabled',
      changeDetection: 'none',
    });
    await OpenFeature.setContext({ targetingKey: 'ada' });
    await OpenFeature.setProviderAndWait(provider as Provider);
    const told: (string | undefined)[] = [];
    OpenFeature.addHandler(ProviderEvents.Stale, (details) => void told.push(details?.message));
    await until(
      () => told.length > 0,
      () => OpenFeature.setContext({ targetingKey: `user-${told.length}` }),
    );
    expect(told[0]).toContain('TooManyRequests');
    await busy.stop();
  });
});

describe('OFREP', () => {
  it('takes its key in a header of its own, there only', async () => {
    const headers = { 'x-api-key': theseus.sdkToken, 'content-type': 'application/json' };
    const body = JSON.stringify({ context: { targetingKey: 'ada' } });
    const evaluated = await fetch(`${theseus.url}/ofrep/v1/evaluate/flags`, { method: 'POST', headers, body });
    expect(evaluated.status).toBe(200);
    expect((await fetch(`${theseus.url}/api/v1/flags`, { headers })).status).toBe(401);
  });
});
