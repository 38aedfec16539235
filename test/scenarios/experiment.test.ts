import type { MetricComparison } from '@theseus/core/health';
import { type Plan, parsePlan } from '@theseus/core/plan';
import { createTheseus, type TheseusClient } from '@theseus/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningServer, runningServer, until } from '../test-support/running-server.ts';

const USERS = 6_000;
/** How many of a hundred users answer, by what they were sent. */
const TRUTH: Readonly<Record<string, number>> = { legacy: 30, short: 42, long: 31 };

let theseus: RunningServer;
const clients: TheseusClient[] = [];

function connect(service: string): TheseusClient {
  const client = createTheseus({ url: theseus.url, token: theseus.sdkToken, service, log: () => undefined });
  clients.push(client);
  return client;
}

beforeAll(async () => {
  theseus = await runningServer();
});

afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await theseus?.stop();
});

function planOf(text: string): Plan {
  const { plan, diagnostics } = parsePlan(text, { file: 'plan.yaml' });
  if (plan === null) throw new Error(JSON.stringify(diagnostics));
  return plan;
}

const replying = (flag: string) => `
plan: replying-${flag}
cohort: userId
signals: { response-rate: { goal: replied-${flag} } }
gates:
  standard: { every: 200ms, rules: [ response-rate worse than legacy: hold ] }
flags:
  ${flag}: { variants: { short: 50%, long: 50% }, metrics: [response-rate] }
phases:
  - phase: one
    steps:
      - { ramp: ${flag}, gate: standard, through: [50%, 60%], soak: 2s }
`;

const exposureOf = async (run: string): Promise<number> =>
  (await theseus.view(run)).flags[0]?.exposurePercent ?? Number.NaN;

/** A run of the plan, once its flag is open: a program that asked before would be sent legacy alone. */
async function opened(text: string): Promise<string> {
  const run = await theseus.begin(planOf(text));
  await until(async () => (await exposureOf(run)) > 0);
  return run;
}

async function metricOf(run: string): Promise<MetricComparison> {
  const [metric] = (await theseus.view(run)).flags.flatMap(({ metrics }) => metrics ?? []);
  if (metric === undefined) throw new Error('the run measures nothing');
  return metric;
}

/** Programs that answer users, once they serve the flags as they are now. */
async function serving(...services: readonly string[]): Promise<readonly TheseusClient[]> {
  const found = services.map(connect);
  await Promise.all(found.map((client) => client.ready(5_000)));
  const { version } = (await theseus.call('GET', '/api/v1/flags')).body as { version: number };
  await until(() => found.every((client) => client.version >= version));
  return found;
}

/** Sends everybody the reply that is theirs; returns who got which. */
function reply(flag: string, programs: readonly TheseusClient[]): ReadonlyMap<string, string> {
  const sent = new Map<string, string>();
  for (let user = 0; user < USERS; user += 1) {
    const userId = `${flag}-${user}`;
    const program = programs[user % programs.length];
    const way = (name: string): void => void sent.set(userId, name);
    program?.route(flag, { userId }, { legacy: way, short: way, long: way });
  }
  return sent;
}

describe('an experiment on real traffic', () => {
  it('finds the variant that more users answer, by goals that another program tracks later [CO-7]', async () => {
    const run = await opened(replying('style'));
    const programs = await serving('front-a', 'front-b');
    const sent = reply('style', programs);
    await Promise.all(programs.map((client) => client.close()));
    await until(async () => (await metricOf(run)).arms.reduce((sum, { users }) => sum + users, 0) === USERS);
    // Nobody has answered yet: that is no health, so nothing moves.
    expect((await metricOf(run)).comparisons.map(({ verdict }) => verdict)).toEqual(['needs-data', 'needs-data']);
    const [webhook] = await serving('mail-webhook');
    for (const [userId, variant] of sent) {
      const place = Number(userId.split('-')[1]) % 100;
      if (place < (TRUTH[variant] ?? 0)) webhook?.track('replied-style', { userId });
    }
    await webhook?.close();
    await until(async () => (await metricOf(run)).comparisons.every(({ low }) => low !== null));
    const { comparisons, arms } = await metricOf(run);
    const reached = arms.reduce((sum, { conversions }) => sum + conversions, 0);
    const expected = [...sent].filter(([userId, name]) => Number(userId.split('-')[1]) % 100 < (TRUTH[name] ?? 0));
    expect(reached).toBe(expected.length);
    for (const { variant, low, high } of comparisons) {
      const truth = ((TRUTH[variant] ?? 0) - (TRUTH['legacy'] ?? 0)) / 100;
      expect(low).toBeLessThan(truth);
      expect(high).toBeGreaterThan(truth);
    }
    expect(Object.fromEntries(comparisons.map(({ variant, verdict }) => [variant, verdict]))).toEqual({
      short: 'better',
      long: 'no-difference-shown',
    });
    // No variant is worse: the gate is healthy from here on.
    await until(async () => (await exposureOf(run)) === 60);
  }, 60_000);

  it('holds, and never rolls back, while one is shown to be worse [CO-7]', async () => {
    const run = await opened(replying('tone'));
    const [front] = await serving('front-c');
    if (front === undefined) throw new Error('there is no client');
    const sent = reply('tone', [front]);
    for (const [userId, variant] of sent) {
      if (Number(userId.split('-')[1]) % 10 < (variant === 'long' ? 2 : 5)) front.track('replied-tone', { userId });
    }
    await until(async () => (await theseus.view(run)).waits.some(({ text }) => /long: worse/.test(text)));
    const types = (await theseus.events(run)).map(({ type }) => type);
    expect(types).not.toContain('rollback.initiated');
    expect(await exposureOf(run)).toBe(50);
    expect((await metricOf(run)).comparisons.find(({ variant }) => variant === 'long')?.verdict).toBe('worse');
    await theseus.command(run, { verb: 'abort' });
  }, 60_000);
});

describe('exposure by operation', () => {
  it('is a tenth of scrapes, sticky by the scrape or decided call by call, and judged by requests [CO-4]', async () => {
    const text = (flag: string, by: string) => `
plan: scraping-${flag}
cohort: userId
signals: { errors: { telemetry: error-rate } }
gates: { standard: { every: 200ms, minSample: 20, rules: [ errors > 50%: rollback now ] } }
flags: { ${flag}: { by: ${by} } }
phases: [ { phase: one, steps: [ { ramp: ${flag}, gate: standard, through: [10%], soak: 1h } ] } ]
`;
    const byScrape = await opened(text('by-scrape', 'scrapeId'));
    const byCall = await opened(text('by-call', 'call'));
    const [scraper] = await serving('scraper');
    if (scraper === undefined) throw new Error('there is no client');
    const answers = (flag: string): readonly string[] =>
      Array.from({ length: 4_000 }, (_, at) =>
        scraper.route(
          flag,
          { userId: 'one', scrapeId: `scrape-${at}` },
          { legacy: (arm): string => arm, candidate: (arm): string => arm },
        ),
      );
    const [first, again] = [answers('by-scrape'), answers('by-scrape')];
    expect(again).toEqual(first);
    const calls = [answers('by-call'), answers('by-call')];
    expect(calls[0]).not.toEqual(calls[1]);
    for (const arms of [first, ...calls]) {
      const share = arms.filter((arm) => arm === 'candidate').length / arms.length;
      expect(Math.abs(share - 0.1)).toBeLessThan(0.03);
    }
    for (const run of [byScrape, byCall]) {
      await until(async () => {
        const health = (await theseus.view(run)).phases[0]?.steps[0]?.health[0];
        return health?.verdict === 'pass' && (health.rules[0]?.sample ?? 0) > 300;
      });
    }
    const compared = (await theseus.call('GET', '/api/v1/telemetry/comparison/by-call')).body as {
      counts: { candidate: { requests: number; users: { seen: number } } };
    };
    expect(compared.counts.candidate.requests).toBeGreaterThan(600);
    expect(compared.counts.candidate.users.seen).toBe(0);
  }, 60_000);

  it('is taken back by the judge, which compares calls where there are no users [CO-4] [CV-4]', async () => {
    const run = await opened(
      `
plan: failing-calls
cohort: userId
gates: { standard: { every: 200ms, onInconclusive: hold, rules: [ worse than legacy: rollback now ] } }
flags: { calls: { by: call } }
phases: [ { phase: one, steps: [ { ramp: calls, gate: standard, through: [50%], soak: 1h } ] } ]
`,
    );
    const [front] = await serving('front-calls');
    let request = 0;
    const answer = (arm: string): void => {
      request += 1;
      if (request % (arm === 'candidate' ? 4 : 20) === 0) throw new Error('broken');
    };
    await until(
      async () => (await theseus.view(run)).outcome === 'partial',
      () => {
        for (let each = 0; each < 50; each += 1) {
          try {
            front?.route('calls', {}, { legacy: answer, candidate: answer });
          } catch {
            // The caller's own trouble.
          }
        }
      },
    );
    const initiated = (await theseus.events(run)).find(({ type }) => type === 'rollback.initiated');
    expect(initiated?.reason).toMatch(/worse in errors/);
  }, 60_000);
});
