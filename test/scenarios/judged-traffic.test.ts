import { type Plan, parsePlan } from '@theseus/core/plan';
import { createTheseus, type TheseusClient } from '@theseus/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningServer, runningServer, until } from '../test-support/running-server.ts';

const USERS = 3_000;
const TRAFFIC_EVERY_MS = 20;
const REQUESTS = 40;
/** One request in so many fails on legacy. */
const USUAL = 20;

let theseus: RunningServer;
const clients: TheseusClient[] = [];

beforeAll(async () => {
  theseus = await runningServer();
  for (const instance of ['a', 'b']) {
    clients.push(createTheseus({ url: theseus.url, token: theseus.sdkToken, service: `front-${instance}` }));
  }
  await Promise.all(clients.map((client) => client.ready(5_000)));
});

afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await theseus?.stop();
});

/** The plan's own words: the judge alone may take it back. */
function planFor(flag: string, rule = 'worse than legacy'): Plan {
  const text = `
plan: judged-${flag}
cohort: userId
signals: { errors: { telemetry: error-rate } }
gates:
  standard:
    every: 200ms
    onInconclusive: hold
    rules:
      - ${rule}: rollback now
flags:
  ${flag}: {}
phases:
  - phase: one
    steps:
      - ramp: ${flag}
        gate: standard
        through: [50%, 100%]
        soak: 12s
`;
  const { plan, diagnostics } = parsePlan(text, { file: 'plan.yaml' });
  if (plan === null) throw new Error(JSON.stringify(diagnostics));
  return plan;
}

/** Users of two instances, until it is stopped. One candidate's request in so many fails; fewer of all when the world is ill. */
function traffic(flag: string, failing: { candidate: number; both?: number }): () => void {
  let request = 0;
  const timer = setInterval(() => {
    for (let each = 0; each < REQUESTS; each += 1) {
      request += 1;
      const userId = `user-${(request * 7_919) % USERS}`;
      const answer = (arm: string): void => {
        const one = failing.both ?? (arm === 'candidate' ? failing.candidate : USUAL);
        if (request % one === 0) throw new Error('broken');
      };
      try {
        clients[request % clients.length]?.route(flag, { userId }, { legacy: answer, candidate: answer });
      } catch {
        // The user's own trouble.
      }
    }
  }, TRAFFIC_EVERY_MS);
  return () => clearInterval(timer);
}

const typesOf = async (run: string): Promise<readonly string[]> => (await theseus.events(run)).map(({ type }) => type);
const waits = async (run: string): Promise<string> => (await theseus.view(run)).waits.map(({ text }) => text).join(' ');

describe('a gate that compares the arms on real traffic', () => {
  it('takes back a candidate that fails more than legacy, and says why in numbers [CV-4] [XR-4] [CO-13]', async () => {
    const run = await theseus.begin(planFor('worse'));
    const stop = traffic('worse', { candidate: 4 });
    await until(async () => (await theseus.view(run)).outcome === 'partial');
    stop();
    const initiated = (await theseus.events(run)).find(({ type }) => type === 'rollback.initiated');
    expect(initiated?.reason).toMatch(
      /worse in errors: 2\d(\.\d+)? % of \d+ requests fail, on legacy \d(\.\d+)? % of \d+.*evidence \d+, 20 is enough/,
    );
  }, 60_000);

  it('does not blame it for what is wrong with both, and holds [CV-3]', async () => {
    const run = await theseus.begin(planFor('weather'));
    const failing: { candidate: number; both?: number } = { candidate: USUAL };
    const stop = traffic('weather', failing);
    // What is usual must be known before it can be unusual.
    await until(async () => /(?<![.\d])[4-9](\.\d)?s of 12s healthy/.test(await waits(run)));
    failing.both = 3;
    await until(async () => /legacy itself fails|usually/.test(await waits(run)));
    expect(await typesOf(run)).not.toContain('rollback.initiated');
    stop();
    await theseus.command(run, { verb: 'abort' });
  }, 60_000);

  // By errors alone: arms that answer within microseconds differ by the whims of the compiler.
  it('lets a candidate that is no worse go on, by proof and not by silence [CV-3]', async () => {
    const run = await theseus.begin(planFor('equal', 'errors worse than legacy'));
    const stop = traffic('equal', { candidate: USUAL });
    await until(async () =>
      (await theseus.events(run)).some((event) => event.type === 'flag.exposure-changed' && event.to === 100_000),
    );
    stop();
    expect(await typesOf(run)).not.toContain('rollback.initiated');
    const raised = (await theseus.events(run)).filter(({ type }) => type === 'flag.exposure-changed').at(-1);
    expect(raised?.reason).toMatch(/no worse than legacy: 2x the errors is ruled out/);
  }, 60_000);
});
