import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AsyncLocalStorageTransactionContextPropagator,
  ErrorCode,
  FirstMatchStrategy,
  InMemoryProvider,
  MultiProvider,
  OpenFeature,
  ProviderEvents,
  ProviderStatus,
} from '@openfeature/server-sdk';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { documentOf, FakeServer, flagOf, TOKEN } from '../../test-support/fake-server.ts';
import { createTheseusWith } from '../theseus-client.ts';
import { TheseusProvider } from './theseus-provider.ts';

const USER = { userId: 'user-1' };

let server: FakeServer;

beforeEach(async () => {
  server = await new FakeServer().start();
  server.database.document = documentOf(3, [
    flagOf('on'),
    flagOf('off', { exposure: 0 }),
    flagOf('disabled', { enabled: false }),
    flagOf('let-in', { exposure: 0, overrides: { candidate: ['user-1'], legacy: [] } }),
    flagOf('held', { requires: ['off'] }),
    flagOf('reply', { epoch: 2, variants: [{ name: 'short', weight: 100_000 }], goals: ['replied', 'paid'] }),
  ]);
});
afterEach(async () => {
  await OpenFeature.close();
  await OpenFeature.clearProviders();
  await server.kill();
});

function provider(readyLimitMs = 2000, more: { readonly cacheFolder?: string } = {}): TheseusProvider {
  const options = { url: server.url, token: TOKEN, service: 'front', log: () => undefined, ...more };
  return new TheseusProvider(createTheseusWith(options, { random: () => 0.05 }), { readyLimitMs });
}

async function connected() {
  await OpenFeature.setProviderAndWait(provider());
  return OpenFeature.getClient();
}

const nextEvent = (event: ProviderEvents) =>
  new Promise<{ flagsChanged?: string[] }>((resolve) => {
    const handler = (details?: object) => {
      OpenFeature.removeHandler(event, handler);
      resolve(details ?? {});
    };
    OpenFeature.addHandler(event, handler);
  });

describe('TheseusProvider', () => {
  test.each([
    ['on', true, 'candidate', 'SPLIT'],
    ['off', false, 'legacy', 'SPLIT'],
    ['disabled', false, 'legacy', 'DISABLED'],
    ['let-in', true, 'candidate', 'TARGETING_MATCH'],
    ['held', false, 'legacy', 'TARGETING_MATCH'],
  ])('resolves %s to %s', async (flag, value, variant, reason) => {
    const client = await connected();
    const common = { flagKey: flag, variant, reason, flagMetadata: { version: 3 } };
    expect(await client.getBooleanDetails(flag, !value, USER)).toEqual({ ...common, value });
    expect(await client.getStringDetails(flag, 'default', USER)).toEqual({ ...common, value: variant });
  });

  test('resolves a flag with variants to the name of one, and to true for each [CO-7]', async () => {
    const client = await connected();
    expect(await client.getStringDetails('reply', 'legacy', USER)).toMatchObject({ value: 'short', variant: 'short' });
    expect(await client.getBooleanDetails('reply', false, USER)).toMatchObject({ value: true, variant: 'candidate' });
  });

  test('counts who was told a variant, and what OpenFeature tracks of them [CO-7]', async () => {
    const client = await connected();
    await client.getStringValue('reply', 'legacy', USER);
    client.track('paid', USER, { value: 9.5 });
    client.track('replied', USER, { flag: 'other' });
    client.track('replied', USER);
    await OpenFeature.clearProviders();
    const { users } = await server.batch((batch) => batch.users?.goals !== undefined);
    const [subject] = users?.flags['reply']?.candidate ?? [];
    expect(users).toEqual({
      sequence: 1,
      flags: { reply: { epoch: 2, level: 0, legacy: [], candidate: [subject, 0, 0, 0, 0], variants: [['short', 1]] } },
      goals: { reply: { split: 2, goals: { paid: [subject, 1, 9.5], replied: [subject, 1, 0] } } },
    });
  });

  test('lets the targeting key stand in for the cohort attribute', async () => {
    const client = await connected();
    expect(await client.getBooleanValue('on', false, { targetingKey: 'user-1' })).toBe(true);
  });

  test('answers with the default and the right code where it cannot evaluate', async () => {
    const client = await connected();
    const failed = { reason: 'ERROR', value: true };
    expect(await client.getBooleanDetails('nobody', true, USER)).toMatchObject({
      ...failed,
      errorCode: ErrorCode.FLAG_NOT_FOUND,
    });
    expect(await client.getBooleanDetails('on', true, {})).toMatchObject({
      ...failed,
      errorCode: ErrorCode.TARGETING_KEY_MISSING,
    });
    expect(await client.getNumberDetails('on', 7, USER)).toMatchObject({
      value: 7,
      errorCode: ErrorCode.TYPE_MISMATCH,
    });
    expect(await client.getObjectDetails('on', { a: 1 }, USER)).toMatchObject({
      value: { a: 1 },
      errorCode: ErrorCode.TYPE_MISMATCH,
    });
  });

  test('tells which flags changed', async () => {
    const client = await connected();
    const changed = nextEvent(ProviderEvents.ConfigurationChanged);
    server.patch([flagOf('off')]);
    expect((await changed).flagsChanged).toEqual(['off']);
    expect(await client.getBooleanValue('off', false, USER)).toBe(true);
  });

  test('becomes stale when the server goes and ready when it returns, answering all along', async () => {
    const client = await connected();
    const { port, database } = server;
    const stale = nextEvent(ProviderEvents.Stale);
    await server.kill();
    await stale;
    expect(client.providerStatus).toBe(ProviderStatus.STALE);
    expect(await client.getBooleanValue('on', false, USER)).toBe(true);
    const ready = nextEvent(ProviderEvents.Ready);
    // A handler of an event that already holds is called at once, but stale is what holds here.
    server = await new FakeServer(database).start(port);
    await ready;
    expect(client.providerStatus).toBe(ProviderStatus.READY);
  });

  test('fails to become ready within its limit when nothing is known, and becomes ready later', async () => {
    const { port, database } = server;
    await server.kill();
    await expect(OpenFeature.setProviderAndWait(provider(50))).rejects.toThrow(/not reached/);
    const client = OpenFeature.getClient();
    expect(await client.getBooleanDetails('on', true, USER)).toMatchObject({
      value: true,
      errorCode: ErrorCode.PROVIDER_NOT_READY,
    });
    const ready = nextEvent(ProviderEvents.Ready);
    server = await new FakeServer(database).start(port);
    await ready;
    expect(await client.getBooleanValue('on', false, USER)).toBe(true);
  });

  test('is stale, and not ready, as long as it answers from the copy on disk alone [ALL-4]', async () => {
    const cacheFolder = await mkdtemp(join(tmpdir(), 'theseus-provider-'));
    await OpenFeature.setProviderAndWait(provider(2000, { cacheFolder }));
    await OpenFeature.close();
    await OpenFeature.clearProviders();
    const { port, database } = server;
    await server.kill();
    await OpenFeature.setProviderAndWait(provider(2000, { cacheFolder }));
    const client = OpenFeature.getClient();
    expect(client.providerStatus).toBe(ProviderStatus.STALE);
    expect(await client.getBooleanValue('on', false, USER)).toBe(true);
    const ready = nextEvent(ProviderEvents.Ready);
    server = await new FakeServer(database).start(port);
    await ready;
    expect(client.providerStatus).toBe(ProviderStatus.READY);
    await rm(cacheFolder, { recursive: true });
  });

  test('serves several domains, each until the last has let it go', async () => {
    const shared = provider();
    await OpenFeature.setProviderAndWait('one', shared);
    await OpenFeature.setProviderAndWait('two', shared);
    const both = [OpenFeature.getClient('one'), OpenFeature.getClient('two')];
    const changes: string[] = [];
    for (const client of both) client.addHandler(ProviderEvents.ConfigurationChanged, () => void changes.push('told'));
    const changed = nextEvent(ProviderEvents.ConfigurationChanged);
    server.patch([flagOf('off')]);
    await changed;
    expect(changes).toEqual(['told', 'told']);
    await OpenFeature.setProviderAndWait('one', new InMemoryProvider({}));
    expect(await OpenFeature.getClient('two').getBooleanValue('on', false, USER)).toBe(true);
    expect(server.streams.size).toBe(1);
    const [stream] = server.streams;
    const ended = new Promise((resolve) => stream?.on('close', resolve));
    await OpenFeature.setProviderAndWait('two', new InMemoryProvider({}));
    await ended;
  });

  test('stands in a row of providers: one that does not know a flag is followed by the next', async () => {
    const fallback = new InMemoryProvider({
      elsewhere: { variants: { yes: true }, defaultVariant: 'yes', disabled: false },
    });
    const row = new MultiProvider([{ provider: provider() }, { provider: fallback }], new FirstMatchStrategy());
    await OpenFeature.setProviderAndWait(row);
    const client = OpenFeature.getClient();
    expect(await client.getBooleanValue('on', false, USER)).toBe(true);
    expect(await client.getBooleanValue('elsewhere', false, USER)).toBe(true);
    const stale = nextEvent(ProviderEvents.Stale);
    await server.kill();
    await stale;
    expect(client.providerStatus).toBe(ProviderStatus.STALE);
    server = await new FakeServer().start();
  });

  test('answers for what all levels of context say together, the nearest winning', async () => {
    const client = await connected();
    OpenFeature.setTransactionContextPropagator(new AsyncLocalStorageTransactionContextPropagator());
    OpenFeature.setContext({ userId: 'somebody' });
    expect(await client.getBooleanDetails('let-in', false)).toMatchObject({ value: false, reason: 'SPLIT' });
    const [own, nearer] = await new Promise<readonly Promise<boolean>[]>((resolve) => {
      OpenFeature.setTransactionContext({ userId: 'user-1' }, () => {
        const asked = [undefined, { userId: 'user-2' }] as const;
        resolve(asked.map((context) => client.getBooleanValue('let-in', false, context)));
      });
    });
    expect([await own, await nearer]).toEqual([true, false]);
    client.setContext({ userId: 'user-1' });
    expect(await client.getBooleanValue('let-in', false)).toBe(true);
    OpenFeature.setContext({});
  });

  test('lets hooks of every level see the flag, what became of it and an error, in order', async () => {
    const client = await connected();
    const seen: string[] = [];
    const hook = (level: string) => ({
      before: () => void seen.push(`${level} before`),
      after: (_context: object, { variant }: { variant?: string }) => void seen.push(`${level} after ${variant}`),
      error: () => void seen.push(`${level} error`),
      finally: () => void seen.push(`${level} finally`),
    });
    OpenFeature.addHooks(hook('api'));
    client.addHooks(hook('client'));
    await client.getBooleanValue('on', false, USER);
    expect(seen.splice(0)).toEqual([
      'api before',
      'client before',
      'client after candidate',
      'api after candidate',
      'client finally',
      'api finally',
    ]);
    await client.getBooleanValue('nobody', false, USER);
    expect(seen).toContain('client error');
    OpenFeature.clearHooks();
  });

  test('once closed stays closed: it says so instead of answering from flags that no longer change', async () => {
    const closed = provider();
    await OpenFeature.setProviderAndWait(closed);
    await OpenFeature.setProviderAndWait(new InMemoryProvider({}));
    await expect(OpenFeature.setProviderAndWait('again', closed)).rejects.toThrow(/was closed/);
    expect(OpenFeature.getClient('again').providerStatus).toBe(ProviderStatus.FATAL);
  });

  test('closes its client with itself', async () => {
    await connected();
    await server.batch(() => true);
    const [stream] = server.streams;
    const ended = new Promise((resolve) => stream?.on('close', resolve));
    await OpenFeature.close();
    await ended;
    expect(server.streams.size).toBe(0);
  });
});
