import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ArmComparison } from '@theseus/core/health';
import { type Plan, planHash } from '@theseus/core/plan';
import { createTheseus, type TheseusClient } from '@theseus/sdk';
import { startServer, type TheseusServer } from '@theseus/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { phase, plan, ramp } from '../../packages/core/test-support/given-plan.ts';
import { type TestDatabase, testDatabase } from '../../packages/server/test-support/test-database.ts';
import { until } from '../test-support/running-server.ts';

const FLAG = 'cache';
const USERS = 300;
const REQUESTS = 3_000;

let database: TestDatabase;
let folder: string;
let server: TheseusServer;
let tokens = { operator: '', sdk: '' };
const clients: TheseusClient[] = [];

const start = async (port: number): Promise<void> => {
  server = await startServer({
    folder: join(folder, '.theseus'),
    databaseUrl: database.url,
    port,
    onTokens: (made) => {
      tokens = made;
    },
  });
};

beforeAll(async () => {
  database = await testDatabase();
  folder = await mkdtemp(join(tmpdir(), 'theseus-comparison-'));
  await start(0);
}, 60_000);

afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await server?.stop();
  await database?.close();
  await rm(folder, { recursive: true, force: true });
});

async function call<Body>(method: string, path: string, body?: unknown): Promise<Body> {
  const response = await fetch(server.url + path, {
    method,
    headers: { authorization: `Bearer ${tokens.operator}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(await response.text());
  return (await response.json()) as Body;
}

const compare = () => call<ArmComparison>('GET', `/api/v1/telemetry/comparison/${FLAG}`);

function halfOf(): Plan {
  const flag = {
    key: FLAG,
    risk: null,
    requires: [],
    fallback: true,
    overrides: { candidate: ['user-1'], legacy: ['user-2'] },
    rules: [{ segment: 'team', exposure: 100_000 }],
    strata: ['new'],
  };
  const is = (attribute: string) => ({ attribute, operator: 'in', values: [true] }) as const;
  return plan([phase('one', [ramp('one', FLAG, { through: [50_000, 100_000], soakMs: 3_600_000 })])], {
    flags: { [FLAG]: flag },
    segments: { team: { key: 'team', conditions: [is('team')] }, new: { key: 'new', conditions: [is('new')] } },
  });
}

interface Seen {
  requests: number;
  errors: number;
  newErrors: number;
  readonly byUser: Map<string, { n: number; e: number }>;
}

/** Sends requests of users through any of the clients, and counts for itself those that only hash has sent to an arm. */
function serve(seen: Readonly<Record<'legacy' | 'candidate', Seen>>): void {
  for (let number = 0; number < REQUESTS; number += 1) {
    const user = (number * 7) % USERS;
    const client = clients[number % clients.length] as TheseusClient;
    const context = { userId: `user-${user}`, team: user % 10 === 0, new: user % 3 === 0 };
    const { arm, reason } = client.details(FLAG, context);
    const isFailing = number % 11 === 0;
    const answer = () => {
      if (isFailing) throw new Error('broken');
    };
    try {
      client.route(FLAG, context, { legacy: answer, candidate: answer });
    } catch {
      // The user's own trouble.
    }
    if (reason !== 'SPLIT') continue;
    const sums = seen[arm];
    const before = sums.byUser.get(context.userId) ?? { n: 0, e: 0 };
    sums.byUser.set(context.userId, { n: before.n + 1, e: before.e + (isFailing ? 1 : 0) });
    sums.requests += 1;
    if (isFailing) sums.errors += 1;
    if (isFailing && context.new) sums.newErrors += 1;
  }
}

const nothing = (): Seen => ({ requests: 0, errors: 0, newErrors: 0, byUser: new Map() });

describe('what a judge is told of a flag', () => {
  it('is what really happened to users whom hash alone split, over a restart of the server [CV-3]', async () => {
    const checked = halfOf();
    await call('POST', '/api/v1/runs', { plan: checked, planHash: planHash(checked) });
    for (let number = 0; number < 3; number += 1) {
      const options = { url: server.url, token: tokens.sdk, service: 'front', log: () => undefined };
      const client = createTheseus(options);
      clients.push(client);
      expect(await client.ready(10_000)).toBe(true);
    }
    expect(await compare()).toMatchObject({ counts: null, problem: expect.stringMatching(/yet$/) });
    const seen = { legacy: nothing(), candidate: nothing() };
    serve(seen);
    const { port } = new URL(server.url);
    await server.stop();
    serve(seen);
    await start(Number(port));
    const total = seen.legacy.requests + seen.candidate.requests;
    await until(async () => {
      const { counts } = await compare();
      return counts !== null && counts.legacy.requests + counts.candidate.requests === total;
    });
    const { counts, odds, problem } = await compare();
    expect({ odds, problem }).toEqual({ odds: 1, problem: null });
    for (const arm of ['legacy', 'candidate'] as const) {
      const users = [...seen[arm].byUser.values()];
      const sum = (of: (user: { n: number; e: number }) => number) => users.reduce((all, user) => all + of(user), 0);
      const { requests, errors, newErrors } = seen[arm];
      expect(counts?.[arm]).toMatchObject({ requests, errors, segments: [{ errors: newErrors }] });
      expect(counts?.[arm].latency.timed).toBe(requests);
      // Marks were fixed in between, which begins user records anew: whoever came since then is known exactly.
      expect(counts?.[arm].users.seen).toBeLessThanOrEqual(users.length);
      expect(counts?.[arm].users.n).toBeLessThanOrEqual(sum(({ n }) => n));
    }
    await exactlyOnceMore();
  }, 60_000);
});

/** With the marks known, what follows is counted user by user. */
async function exactlyOnceMore(): Promise<void> {
  await until(async () => (await compare()).counts?.legacy.latency.body !== 0);
  const { version } = await call<{ version: number }>('GET', '/api/v1/flags');
  await until(async () => clients.every((client) => client.version === version));
  const before = (await compare()).counts;
  const seen = { legacy: nothing(), candidate: nothing() };
  serve(seen);
  const grown = async (arm: 'legacy' | 'candidate') => {
    const { counts } = await compare();
    return (counts?.[arm].users.n ?? 0) - (before?.[arm].users.n ?? 0);
  };
  await until(async () => (await grown('legacy')) === seen.legacy.requests);
  await until(async () => (await grown('candidate')) === seen.candidate.requests);
  const { counts } = await compare();
  for (const arm of ['legacy', 'candidate'] as const) {
    const growth = (counts?.[arm].users.e ?? 0) - (before?.[arm].users.e ?? 0);
    expect(growth).toBe(seen[arm].errors);
    expect(counts?.[arm].users.seen).toBe(seen[arm].byUser.size);
  }
}
