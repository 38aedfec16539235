import { OFREPProvider } from '@openfeature/ofrep-provider';
import { type Client, OpenFeature, type Provider } from '@openfeature/server-sdk';
import { type PlanSource, planFromSource } from '@theseus/core/plan';
import { createTheseus, type TheseusClient } from '@theseus/sdk';
import { TheseusProvider } from '@theseus/sdk/openfeature';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningServer, runningServer, until } from '../test-support/running-server.ts';

/*
 * What OpenFeature's scenarios of evaluation, context merging, errors and metadata ask of a provider, asked of ours and of
 * the stock OFREP provider over a real server. Flags of Theseus are booleans, and by our own provider the name of an arm
 * too: where the scenarios read numbers and objects, a mismatch of types is what the specification asks for.
 */
const SOURCE: PlanSource = {
  plan: 'evaluation',
  cohort: 'userId',
  signals: { errors: { telemetry: 'error-rate' } },
  gates: { standard: { rules: [{ 'errors > 5%': 'rollback now' }] } },
  segments: {
    insiders: { fn: ['Sulisław'], ln: ['Świętopełk'], age: [29], customer: [false] },
  },
  flags: {
    'boolean-flag': {},
    'context-aware': { segments: [{ segment: 'insiders', exposure: '100%' }] },
  },
  phases: [
    { phase: 'all', steps: [{ ramp: 'boolean-flag', gate: 'standard', through: ['100%'], soak: '1h' }] },
    {
      phase: 'aware',
      needs: [],
      steps: [{ ramp: 'context-aware', gate: 'standard', through: ['0.001%'], soak: '1h' }],
    },
  ],
};

let theseus: RunningServer;
let local: TheseusClient;
const clients = new Map<string, Client>();

beforeAll(async () => {
  theseus = await runningServer();
  const { plan, problems } = planFromSource(SOURCE);
  if (plan === null) throw new Error(JSON.stringify(problems));
  await theseus.begin(plan);
  local = createTheseus({ url: theseus.url, token: theseus.sdkToken, service: 'conformance' });
  await provide('our own provider', new TheseusProvider(local));
  const headers: [string, string][] = [['authorization', `Bearer ${theseus.sdkToken}`]];
  await provide('the stock OFREP provider', new OFREPProvider({ baseUrl: theseus.url, headers }));
  await until(() => local.details('boolean-flag', { userId: 'somebody' }).arm === 'candidate');
});

afterAll(async () => {
  await OpenFeature.close();
  await theseus?.stop();
});

async function provide(name: string, provider: Provider): Promise<void> {
  await OpenFeature.setProviderAndWait(name, provider);
  clients.set(name, OpenFeature.getClient(name));
}

const clientOf = (name: string): Client => {
  const client = clients.get(name);
  if (client === undefined) throw new Error(`there is no client of ${name}`);
  return client;
};

describe.each(['our own provider', 'the stock OFREP provider'])('%s', (name) => {
  const ADA = { targetingKey: 'ada' };

  it('resolves a boolean, and its details', async () => {
    const client = clientOf(name);
    expect(await client.getBooleanValue('boolean-flag', false, ADA)).toBe(true);
    expect(await client.getBooleanDetails('boolean-flag', false, ADA)).toMatchObject({
      flagKey: 'boolean-flag',
      value: true,
      variant: 'candidate',
      reason: 'SPLIT',
      flagMetadata: { version: expect.any(Number) },
    });
  });

  it('resolves by the context, by attributes of every type, whatever letters they have', async () => {
    const client = clientOf(name);
    const insider = { ...ADA, fn: 'Sulisław', ln: 'Świętopełk', age: 29, customer: false };
    expect(await client.getBooleanDetails('context-aware', false, insider)).toMatchObject({
      value: true,
      reason: 'TARGETING_MATCH',
    });
    for (const change of [{ age: 30 }, { age: '29' }, { customer: true }, { ln: 'Swietopelk' }, { fn: undefined }]) {
      const context = { ...insider, ...change } as typeof insider;
      expect(await client.getBooleanValue('context-aware', true, context)).toBe(false);
    }
    expect(await client.getBooleanValue('context-aware', true, ADA)).toBe(false);
  });

  it('resolves by what API, client and call say together, the nearest winning', async () => {
    const client = OpenFeature.getClient(name);
    OpenFeature.setContext({ targetingKey: 'ada', fn: 'Sulisław', ln: 'Świętopełk', age: 99 });
    client.setContext({ age: 29, customer: true });
    expect(await client.getBooleanValue('context-aware', true)).toBe(false);
    expect(await client.getBooleanValue('context-aware', false, { customer: false })).toBe(true);
    OpenFeature.setContext({});
  });

  it.each<[string, (client: Client) => Promise<object>, object]>([
    ['a boolean', (client) => client.getBooleanDetails('missing-flag', true, ADA), { value: true }],
    ['a text', (client) => client.getStringDetails('missing-flag', 'uh-oh', ADA), { value: 'uh-oh' }],
    ['a number', (client) => client.getNumberDetails('missing-flag', 13, ADA), { value: 13 }],
    ['an object', (client) => client.getObjectDetails('missing-flag', { a: 1 }, ADA), { value: { a: 1 } }],
  ])('answers the default for %s of a flag that there is not, and says so', async (_what, ask, expected) => {
    const details = await ask(clientOf(name));
    expect(details).toMatchObject({ ...expected, reason: 'ERROR', errorCode: 'FLAG_NOT_FOUND' });
  });

  it.each<[string, (client: Client) => Promise<object>, object]>([
    ['a number', (client) => client.getNumberDetails('boolean-flag', 13, ADA), { value: 13 }],
    ['an object', (client) => client.getObjectDetails('boolean-flag', { a: 1 }, ADA), { value: { a: 1 } }],
  ])('answers the default for %s where the flag has another type, and says so', async (_what, ask, expected) => {
    const details = await ask(clientOf(name));
    expect(details).toMatchObject({ ...expected, reason: 'ERROR', errorCode: 'TYPE_MISMATCH' });
  });

  it('tells its name, and hands what a flag says of itself to hooks', async () => {
    const seen: object[] = [];
    const client = OpenFeature.getClient(name);
    client.addHooks({
      finally: ({ providerMetadata }, { flagMetadata }) => void seen.push({ providerMetadata, flagMetadata }),
    });
    await client.getBooleanValue('boolean-flag', false, ADA);
    expect(seen).toMatchObject([
      { providerMetadata: { name: expect.stringMatching(/./) }, flagMetadata: { version: expect.any(Number) } },
    ]);
  });

  it('never throws and never rejects, whatever it is asked', async () => {
    const client = clientOf(name);
    const strange = [
      {},
      { targetingKey: '' },
      { targetingKey: 'x'.repeat(10_000) },
      { targetingKey: '\u2028💥' },
      { nested: { a: [1] } },
    ];
    for (const context of strange) {
      for (const flag of ['boolean-flag', '', 'a/b', '../..', '%', 'ü'.repeat(200)]) {
        expect(typeof (await client.getBooleanValue(flag, false, context as never))).toBe('boolean');
      }
    }
  });
});

describe('our own provider', () => {
  it('resolves a text to the name of the arm, which OFREP has as the variant', async () => {
    const details = await clientOf('our own provider').getStringDetails('boolean-flag', 'bye', { targetingKey: 'ada' });
    expect(details).toMatchObject({ value: 'candidate', variant: 'candidate', reason: 'SPLIT' });
  });
});
