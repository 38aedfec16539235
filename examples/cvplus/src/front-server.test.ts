import http from 'node:http';
import { afterEach, expect, it } from 'vitest';
import type { Answers } from './adapters/adapters.ts';
import { createFrontServer } from './front-server.ts';
import { closeServer, listen, sendJson } from './http-listening.ts';
import { ServiceClient } from './service-client.ts';
import { SERVICE_NAMES, type ServiceName } from './services/service-catalog.ts';

const closings: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closings.splice(0).reverse()) await close();
});

async function serve(server: http.Server): Promise<string> {
  closings.push(() => closeServer(server));
  return listen(server);
}

async function startFront(broken: readonly ServiceName[] = [], hasStores = true) {
  const told: string[] = [];
  const answers = Object.fromEntries(
    SERVICE_NAMES.map((service) => [
      service,
      async (user: string) => {
        if (broken.includes(service)) throw new Error(`${service} answered 500`);
        return { user };
      },
    ]),
  ) as Answers;
  const url = await serve(
    createFrontServer({
      answers,
      flagsVersion: () => 7,
      state: {
        save: () => ({ 'cv-analyzer': 'saved' }),
        restore: (value) => {
          told.push(JSON.stringify(value));
          return ['cv-analyzer'];
        },
      },
      askStores: () => (hasStores ? Promise.resolve() : Promise.reject(new Error('no store'))),
      report: () => Promise.resolve({ caches: 2 }),
      failNextAction: () => told.push('fault'),
    }),
  );
  return { url, told };
}

it('puts the answers of all seven services on the page', async () => {
  const { url } = await startFront();
  const response = await fetch(`${url}/page?user=user-0001`);
  expect(response.status).toBe(200);
  const { parts } = (await response.json()) as { parts: { service: string }[] };
  expect(parts.map(({ service }) => service)).toEqual(SERVICE_NAMES);
});

it('answers 502 and says what failed when neither arm answers', async () => {
  const { url } = await startFront(['cache-manager']);
  const response = await fetch(`${url}/page?user=user-0001`);
  expect(response.status).toBe(502);
  const failed = ['cache-manager: Error: cache-manager answered 500'];
  expect(await response.json()).toEqual({ user: 'user-0001', failed });
});

it('knows only the page of a user, its own health and that of its stores', async () => {
  const { url } = await startFront();
  expect((await fetch(`${url}/page`)).status).toBe(404);
  expect((await fetch(`${url}/other?user=a`)).status).toBe(404);
  expect(await (await fetch(`${url}/health`)).json()).toEqual({ status: 'ok', flags: 7 });
  expect((await fetch(`${url}/stores`)).status).toBe(200);
  const { url: without } = await startFront([], false);
  expect((await fetch(`${without}/stores`)).status).toBe(500);
});

it('hands out what its adapters know of their candidates, takes it back, and says what they did', async () => {
  const { url, told } = await startFront();
  expect(await (await fetch(`${url}/state`)).json()).toEqual({ 'cv-analyzer': 'saved' });
  const restored = await fetch(`${url}/state`, { method: 'PUT', body: '{"cv-analyzer":1}' });
  expect(await restored.json()).toEqual({ restored: ['cv-analyzer'] });
  expect(await (await fetch(`${url}/features`)).json()).toEqual({ caches: 2 });
  expect((await fetch(`${url}/fault`, { method: 'POST' })).status).toBe(200);
  expect(told).toEqual(['{"cv-analyzer":1}', 'fault']);
});

it('asks again when a connection had been closed while idle', async () => {
  let requests = 0;
  const server = http.createServer((request, response) => {
    requests += 1;
    // Cuts the connection when it is used a second time, as a server does whose patience has just run out.
    if (requests === 2) request.socket.resetAndDestroy();
    else sendJson(response, 200, {});
  });
  const url = await serve(server);
  const client = new ServiceClient({ timeoutMs: 5_000, maxSockets: 1 });
  closings.push(() => client.close());
  expect((await client.get(url)).status).toBe(200);
  expect((await client.get(url)).status).toBe(200);
  expect(requests).toBe(3);
});
