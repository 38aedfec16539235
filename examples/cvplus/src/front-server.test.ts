import http from 'node:http';
import type { RouteArms, TheseusClient } from '@theseus/sdk';
import { afterEach, expect, it } from 'vitest';
import { createFrontServer, type ServiceUrls } from './front-server.ts';
import { closeServer, listen, sendJson } from './http-listening.ts';
import { seededRandom } from './seeded-random.ts';
import { ServiceClient } from './service-client.ts';
import { createServiceServer } from './service-server.ts';
import { SERVICE_NAMES, type ServiceName } from './services/service-catalog.ts';

const closings: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closings.splice(0).reverse()) await close();
});

async function serve(server: http.Server): Promise<string> {
  closings.push(() => closeServer(server));
  return listen(server);
}

/** Routes to the candidate with fallback, as the SDK does for a flag that allows it. */
const throughCandidate: Pick<TheseusClient, 'route' | 'version'> = {
  version: 1,
  route: ((_flag, _context, { legacy, candidate }: RouteArms<Promise<unknown>>) =>
    candidate('candidate').catch(() => legacy('legacy'))) as TheseusClient['route'],
};

async function startFront(
  broken: readonly { readonly service: ServiceName; readonly arms: readonly string[] }[] = [],
): Promise<string> {
  const urls = await Promise.all(
    SERVICE_NAMES.map(async (service) => {
      const start = (arm: 'legacy' | 'candidate'): Promise<string> => {
        const isBroken = broken.some((one) => one.service === service && one.arms.includes(arm));
        if (isBroken) return serve(http.createServer((_, response) => sendJson(response, 500, {})));
        return serve(createServiceServer({ service, arm, random: seededRandom(1), delay: (callback) => callback() }));
      };
      return [service, { legacy: await start('legacy'), candidate: await start('candidate') }] as const;
    }),
  );
  const client = new ServiceClient({ timeoutMs: 5_000, maxSockets: 8 });
  closings.push(() => client.close());
  const services = Object.fromEntries(urls) as ServiceUrls;
  return serve(createFrontServer({ theseus: throughCandidate, services, client }));
}

it('puts the answers of all seven services on the page', async () => {
  const url = await startFront();
  const response = await fetch(`${url}/page?user=user-0001`);
  expect(response.status).toBe(200);
  const { parts } = (await response.json()) as { parts: { service: string }[] };
  expect(parts.map(({ service }) => service)).toEqual(SERVICE_NAMES);
});

it('serves the page from legacy when a candidate fails', async () => {
  const url = await startFront([{ service: 'recommendation-generator', arms: ['candidate'] }]);
  expect((await fetch(`${url}/page?user=user-0001`)).status).toBe(200);
});

it('answers 502 and says what failed when neither arm answers', async () => {
  const url = await startFront([{ service: 'cache-manager', arms: ['legacy', 'candidate'] }]);
  const response = await fetch(`${url}/page?user=user-0001`);
  expect(response.status).toBe(502);
  expect(await response.json()).toEqual({ user: 'user-0001', failed: ['cache-manager'] });
});

it('knows only the page of a user, and its own health', async () => {
  const url = await startFront();
  expect((await fetch(`${url}/page`)).status).toBe(404);
  expect((await fetch(`${url}/other?user=a`)).status).toBe(404);
  expect(await (await fetch(`${url}/health`)).json()).toEqual({ status: 'ok', flags: 1 });
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
