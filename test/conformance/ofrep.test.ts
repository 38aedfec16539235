import { OFREPProvider } from '@openfeature/ofrep-provider';
import { type Client, OpenFeature, type Provider } from '@openfeature/server-sdk';
import { type PlanSource, planFromSource } from '@theseus/core/plan';
import { createTheseus, type TheseusClient } from '@theseus/sdk';
import { TheseusProvider } from '@theseus/sdk/openfeature';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningServer, runningServer, until } from '../test-support/running-server.ts';

const SOURCE: PlanSource = {
  plan: 'conformance',
  cohort: 'userId',
  signals: { errors: { telemetry: 'error-rate' } },
  gates: { standard: { rules: [{ 'errors > 5%': 'rollback now' }] } },
  segments: { internal: { team: ['platform'] } },
  flags: {
    half: { include: ['always'], exclude: ['never'], segments: [{ segment: 'internal', exposure: '100%' }] },
    all: {},
    dark: {},
    after: { requires: ['half'] },
  },
  phases: [
    { phase: 'half', steps: [{ ramp: 'half', gate: 'standard', through: ['50%'], soak: '1h' }] },
    { phase: 'all', needs: [], steps: [{ ramp: 'all', gate: 'standard', through: ['100%'], soak: '1h' }] },
    { phase: 'dark', needs: ['all'], steps: [{ ramp: 'dark', gate: 'standard', through: ['10%'], soak: '1h' }] },
    { phase: 'after', needs: ['half'], steps: [{ ramp: 'after', gate: 'standard', through: ['10%'], soak: '1h' }] },
  ],
};

let theseus: RunningServer;
let local: TheseusClient;
let own: Client;
let stock: Client;

beforeAll(async () => {
  theseus = await runningServer();
  const { plan, problems } = planFromSource(SOURCE);
  if (plan === null) throw new Error(JSON.stringify(problems));
  await theseus.begin(plan);
  local = createTheseus({ url: theseus.url, token: theseus.sdkToken, service: 'conformance' });
  own = await clientOf('own', new TheseusProvider(local));
  stock = await clientOf('stock', stockProvider(theseus.sdkToken));
  await until(() => local.details('all', { userId: 'somebody' }).arm === 'candidate');
});

afterAll(async () => {
  await OpenFeature.close();
  await theseus?.stop();
});

async function clientOf(domain: string, provider: Provider): Promise<Client> {
  await OpenFeature.setProviderAndWait(domain, provider);
  return OpenFeature.getClient(domain);
}

function stockProvider(token: string): Provider {
  return new OFREPProvider({ baseUrl: theseus.url, headers: [['authorization', `Bearer ${token}`]] });
}

describe('the stock OFREP provider of OpenFeature', () => {
  it('gets for every subject the answer that our own provider gives, for the same reason [CO-2]', async () => {
    const subjects = Array.from({ length: 200 }, (_, index) => ({ targetingKey: `user-${index}` }));
    const named = [{ targetingKey: 'always' }, { targetingKey: 'never' }, { targetingKey: 'eva', team: 'platform' }];
    const seen = new Set<boolean>();
    for (const context of [...subjects, ...named]) {
      for (const flag of ['half', 'all', 'dark', 'after']) {
        const [ours, { value, variant, reason }] = await Promise.all([
          own.getBooleanDetails(flag, false, context),
          stock.getBooleanDetails(flag, false, context),
        ]);
        const expected = { value: ours.value, variant: ours.variant, reason: ours.reason };
        expect({ flag, context, value, variant, reason }).toEqual({ flag, context, ...expected });
        if (flag === 'half') seen.add(value);
      }
    }
    expect(seen.size).toBe(2);
  });

  it('buckets by the attribute that the plan names, as well as by the targeting key', async () => {
    for (const name of ['ada', 'bob', 'cleo', 'dora', 'emil']) {
      const byKey = await stock.getBooleanValue('half', false, { targetingKey: name });
      expect(await stock.getBooleanValue('half', false, { userId: name })).toBe(byKey);
    }
  });

  it('keeps on legacy whoever has no key, whatever default the caller gives', async () => {
    expect(await stock.getBooleanDetails('half', true, {})).toMatchObject({
      value: false,
      variant: 'legacy',
      flagMetadata: { errorCode: 'TARGETING_KEY_MISSING' },
    });
  });

  it.each([
    ['a flag that does not exist', 'nope'],
    ['a flag with a strange name', 'no such flag: ü'],
  ])('answers %s with the default and the standard error', async (_what, flag) => {
    const expected = { value: true, reason: 'ERROR', errorCode: 'FLAG_NOT_FOUND' };
    expect(await stock.getBooleanDetails(flag, true, { targetingKey: 'ada' })).toMatchObject(expected);
    expect(await own.getBooleanDetails(flag, true, { targetingKey: 'ada' })).toMatchObject(expected);
  });

  it('finds a boolean where a number is asked for', async () => {
    const wrong = await stock.getNumberDetails('all', 7, { targetingKey: 'ada' });
    expect(wrong).toMatchObject({ value: 7, reason: 'ERROR', errorCode: 'TYPE_MISMATCH' });
  });

  it('gives the default when its token is none', async () => {
    const stranger = await clientOf('stranger', stockProvider('ths_sdk_wrong'));
    const details = await stranger.getBooleanDetails('all', false, { targetingKey: 'ada' });
    expect(details).toMatchObject({ value: false, reason: 'ERROR', errorCode: 'GENERAL' });
  });
});

describe('a flag with variants', () => {
  const PLACE = 'experiment';
  const source: PlanSource = {
    ...SOURCE,
    plan: 'variants',
    flags: { style: { variants: ['short', 'long'] }, scraper: { by: 'call' } },
    phases: [
      { phase: 'style', steps: [{ ramp: 'style', gate: 'standard', through: ['50%'], soak: '1h' }] },
      { phase: 'scraper', needs: [], steps: [{ ramp: 'scraper', gate: 'standard', through: ['50%'], soak: '1h' }] },
    ],
    environments: { [PLACE]: {} },
  };

  it('is a text to the stock provider, the name that our own gives [CO-7]', async () => {
    const { plan, problems } = planFromSource(source, { environment: PLACE });
    if (plan === null) throw new Error(JSON.stringify(problems));
    await theseus.begin(plan);
    const headers: [string, string][] = [
      ['authorization', `Bearer ${theseus.sdkToken}`],
      ['theseus-environment', PLACE],
    ];
    const there = await clientOf('stock-there', new OFREPProvider({ baseUrl: theseus.url, headers }));
    const here = createTheseus({ url: theseus.url, token: theseus.sdkToken, service: 'there', environment: PLACE });
    const ours = await clientOf('own-there', new TheseusProvider(here));
    await until(() => here.details('style', { userId: 'somebody' }).reason === 'SPLIT');
    const seen = new Set<string>();
    for (let user = 0; user < 60; user += 1) {
      const context = { targetingKey: `user-${user}` };
      const [mine, theirs] = await Promise.all([
        ours.getStringDetails('style', 'legacy', context),
        there.getStringDetails('style', 'legacy', context),
      ]);
      const { value, variant, reason } = theirs;
      expect({ value, variant, reason }).toEqual({ value: mine.value, variant: mine.variant, reason: mine.reason });
      seen.add(value);
    }
    expect([...seen].toSorted()).toEqual(['legacy', 'long', 'short']);
  });

  it('is asked anew for each call where a flag decides call by call, and never answered by 304 [CO-4]', async () => {
    const place = { 'theseus-environment': PLACE };
    const ask = (headers: Record<string, string>) =>
      theseus.call('POST', '/ofrep/v1/evaluate/flags', { context: { targetingKey: 'one' } }, headers);
    const first = await ask(place);
    expect(first.headers.get('etag')).toBeNull();
    const arms = new Set<boolean>();
    for (let call = 0; call < 60; call += 1) {
      const { flags } = (await ask(place)).body as { flags: { key: string; value: boolean }[] };
      arms.add(flags.find(({ key }) => key === 'scraper')?.value ?? false);
    }
    expect(arms.size).toBe(2);
  });
});

describe('bulk evaluation', () => {
  const ask = (context: object, headers: Record<string, string> = {}) =>
    theseus.call('POST', '/ofrep/v1/evaluate/flags', { context }, headers);

  it('says of every flag what single evaluation says of it', async () => {
    const context = { targetingKey: 'user-7' };
    const { flags } = (await ask(context)).body as { flags: { key: string; value: boolean }[] };
    expect(flags.map(({ key }) => key).sort()).toEqual(['after', 'all', 'dark', 'half']);
    for (const { key, value } of flags) expect(await stock.getBooleanValue(key, !value, context)).toBe(value);
  });

  it('answers 304 to the same question about the same subject, and anew about another', async () => {
    const first = await ask({ targetingKey: 'user-1' });
    const unchanged = { 'if-none-match': first.headers.get('etag') ?? '' };
    expect((await ask({ targetingKey: 'user-1' }, unchanged)).status).toBe(304);
    expect((await ask({ targetingKey: 'user-2' }, unchanged)).status).toBe(200);
  });

  it.each([
    ['no context', {}],
    ['a context that is none', { context: 'ada' }],
  ])('refuses %s', async (_what, body) => {
    const answer = await theseus.call('POST', '/ofrep/v1/evaluate/flags', body);
    expect(answer).toMatchObject({ status: 400, body: { errorCode: 'INVALID_CONTEXT' } });
  });
});
