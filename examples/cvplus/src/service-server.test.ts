import type http from 'node:http';
import { afterEach, expect, it } from 'vitest';
import { closeServer, listen } from './http-listening.ts';
import { seededRandom } from './seeded-random.ts';
import { createServiceServer } from './service-server.ts';
import type { ServerName } from './services/service-catalog.ts';

const servers: http.Server[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map(closeServer));
});

async function start(service: ServerName, waits: number[] = []): Promise<string> {
  const delay = (callback: () => void, ms: number): void => {
    waits.push(ms);
    callback();
  };
  const server = createServiceServer({ service, arm: 'candidate', random: seededRandom(1), delay });
  servers.push(server);
  return listen(server);
}

it('answers for a user after 8 to 15 ms of work', async () => {
  const waits: number[] = [];
  const url = await start('cv-analyzer', waits);
  for (let index = 0; index < 50; index += 1) {
    const response = await fetch(`${url}/work?user=user-${index}`);
    expect(response.status).toBe(200);
    expect(response.headers.get('x-arm')).toBe('candidate');
    expect(await response.json()).toMatchObject({ service: 'cv-analyzer', score: expect.any(Number) });
  }
  expect(Math.min(...waits)).toBeGreaterThanOrEqual(8);
  expect(Math.max(...waits)).toBeLessThanOrEqual(15);
});

it('fails for the share of requests it is told to, and no more once it is told to stop', async () => {
  const url = await start('recommendation-generator');
  const failures = async (): Promise<number> => {
    let failed = 0;
    for (let index = 0; index < 200; index += 1) if ((await fetch(`${url}/work?user=a`)).status === 500) failed += 1;
    return failed;
  };
  expect(await failures()).toBe(0);
  await fetch(`${url}/fault`, { method: 'POST', body: '{"share":0.4}' });
  const failed = await failures();
  expect(failed).toBeGreaterThan(50);
  expect(failed).toBeLessThan(110);
  await fetch(`${url}/fault`, { method: 'POST', body: '{"share":0}' });
  expect(await failures()).toBe(0);
});

it.each([
  ['GET', '/work', undefined, 400],
  ['GET', '/nothing', undefined, 404],
  ['GET', '/state', undefined, 404],
  ['POST', '/fault', '{"share":2}', 400],
  ['POST', '/fault', 'not json', 400],
  ['POST', '/fault', 'x'.repeat(70_000), 400],
])('answers %s %s with %s as %i', async (method, path, body, status) => {
  const url = await start('cv-analyzer');
  const response = await fetch(`${url}${path}`, { method, ...(body === undefined ? {} : { body }) });
  expect(response.status).toBe(status);
});

it('hands out its state and takes it back', async () => {
  const url = await start('circuit-breaker');
  const state = { mail: { status: 'open', count: 2 } };
  expect((await fetch(`${url}/state`, { method: 'PUT', body: JSON.stringify(state) })).status).toBe(200);
  expect(await (await fetch(`${url}/state`)).json()).toMatchObject(state);
  expect((await fetch(`${url}/state`, { method: 'PUT', body: '{"disk":1}' })).status).toBe(422);
});
