import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { documentOf, eventText, FakeServer, flagOf, TOKEN } from '../test-support/fake-server.ts';
import type { TheseusOptions } from './client-options.ts';
import { createTheseusWith, type TheseusClient } from './theseus-client.ts';

const USER = { userId: 'user-1' };

let server: FakeServer;
let clients: TheseusClient[];
let folder: string;

beforeEach(async () => {
  server = await new FakeServer().start();
  // Each environment has a flag of its own name, so that an answer shows whose document it came from.
  server.onStream = (request, response) => {
    const environment = environmentOf(request.url);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    server.streams.add(response);
    response.write(eventText('put', documentOf(3, environment === null ? [] : [flagOf(environment)])));
  };
  clients = [];
  folder = await mkdtemp(join(tmpdir(), 'theseus-environment-'));
});
afterEach(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await server.kill();
  await rm(folder, { recursive: true, force: true });
});

const environmentOf = (url = ''): string | null => new URL(url, server.url).searchParams.get('environment');

function connect(options: Partial<TheseusOptions>): TheseusClient {
  const given = { url: server.url, token: TOKEN, service: 'front', log: () => undefined, ...options };
  const client = createTheseusWith(given, { random: () => 0.05 });
  clients.push(client);
  return client;
}

const keys = (client: TheseusClient) => ['staging', 'production'].filter((key) => client.enabled(key, USER));

describe('the option environment', () => {
  test('lets several clients of one process each answer from and report for their own [CO-8]', async () => {
    const [staging, production] = [connect({ environment: 'staging' }), connect({ environment: 'production' })];
    await Promise.all([staging.ready(), production.ready()]);
    expect([keys(staging), keys(production)]).toEqual([['staging'], ['production']]);
    staging.route('staging', USER, { legacy: () => 'old', candidate: () => 'new' });
    await staging.close();
    const batch = await server.batch(({ instance, flags }) => instance === staging.instance && 'staging' in flags);
    expect(batch).toMatchObject({ environment: 'staging', servedVersion: 3 });
    const other = await server.batch(({ instance }) => instance === production.instance);
    expect(other.environment).toBe('production');
  });

  test('is asked for when flags are polled too [CO-8]', async () => {
    server.onStream = (_request, response) => void response.writeHead(503).end();
    const polled = new Promise<string | null>((resolve) => {
      server.onFlags = (request, response) => {
        resolve(environmentOf(request.url));
        server.sendFlags(request, response);
      };
    });
    connect({ environment: 'staging' });
    expect(await polled).toBe('staging');
  });

  test('goes without saying when it is the default one', async () => {
    for (const client of [connect({}), connect({ environment: 'default' })]) {
      await client.ready();
      await client.close();
      expect('environment' in (await server.batch(({ instance }) => instance === client.instance))).toBe(false);
    }
    expect(server.requests.map(({ url }) => environmentOf(url))).toEqual(server.requests.map(() => null));
  });

  test('keeps the copies on disk apart: each starts from its own while the server is away [ALL-4, CO-8]', async () => {
    const environments = ['staging', 'production'];
    const first = environments.map((environment) => connect({ environment, cacheFolder: folder }));
    await Promise.all(first.map((client) => client.ready()));
    await Promise.all(first.map((client) => client.close()));
    expect((await readdir(folder)).sort()).toEqual(['theseus-flags.production.json', 'theseus-flags.staging.json']);
    server.onStream = (_request, response) => void response.destroy();
    server.onFlags = (_request, response) => void response.destroy();
    const again = [...environments, 'default'].map((environment) => connect({ environment, cacheFolder: folder }));
    expect(again.map(keys)).toEqual([['staging'], ['production'], []]);
    expect(again.map(({ state }) => state)).toEqual(['stale', 'stale', 'waiting']);
  });

  test.each(['', 'Staging', '../etc', 'a b', 'x'.repeat(61), 7 as unknown as string])('refuses %j', (environment) => {
    const refused = expect.objectContaining({ code: 'invalid-argument', message: expect.stringMatching(/kebab-case/) });
    expect(() => connect({ environment })).toThrow(refused);
  });
});
