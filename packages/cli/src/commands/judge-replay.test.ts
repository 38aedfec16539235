import { mkdtemp, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ended, lines, theseus } from '../../test-support/command-line.ts';

const FROM = Date.parse('2026-05-04T09:00:00Z');
const HOUR = 3_600_000;
/** Of each arm, in a second. */
const RATE = 20;
const EDGES = [0.05, 0.1, 0.2, 0.3, 0.5, 1, 2];

/** What the candidate is like; legacy fails in one of 500 requests and takes 0.1 s in the mean. */
interface Candidate {
  readonly errorShare: number;
  readonly slowness: number;
  /** From then on no counter of its own is there. */
  readonly goneAt: number;
}

const HEALTHY: Candidate = { errorShare: 0.002, slowness: 1, goneAt: Number.POSITIVE_INFINITY };

let server: Server;
let url = '';
let candidate = HEALTHY;

/** A Prometheus whose counters grow evenly, but for a little seeded chance. */
beforeAll(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += String(chunk);
    });
    request.on('end', () => {
      const asked = new URLSearchParams(body);
      const result = seriesFor(
        asked.get('query') ?? '',
        Number(asked.get('start')),
        Number(asked.get('end')),
        Number(asked.get('step')),
      );
      response.end(JSON.stringify({ status: 'success', data: { resultType: 'matrix', result } }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => void server.close());

function seriesFor(query: string, start: number, end: number, step: number) {
  const isCandidate = query.includes('"canary"');
  const { errorShare, slowness, goneAt } = isCandidate ? candidate : HEALTHY;
  const times = Array.from({ length: Math.floor((end - start) / step + 1e-9) + 1 }, (_, index) => start + index * step);
  const counter = (metric: Readonly<Record<string, string>>, perSecond: number) => ({
    metric,
    values: times
      .filter((at) => at * 1_000 < goneAt)
      .map((at) => [at, String(counted(at - FROM / 1_000 + 10 * 3_600, perSecond))] as const),
  });
  if (query.startsWith('requests')) return [counter({}, RATE)];
  if (query.startsWith('errors')) return [counter({}, RATE * errorShare)];
  const all = counter({ le: '+Inf' }, RATE);
  return [...EDGES.map((edge) => counter({ le: String(edge) }, RATE * (1 - Math.exp(-edge / (0.1 * slowness))))), all];
}

/** What was counted after so many seconds: as much as is expected, wandering about it by no more than its root. */
function counted(seconds: number, perSecond: number): number {
  const mean = seconds * perSecond;
  return Math.floor(mean + 0.3 * Math.sqrt(perSecond * 30) * Math.sin(seconds * 12.9898 + perSecond));
}

const QUERIES = [
  ['--requests', 'requests{arm="${{ arm }}"}'],
  ['--errors', 'errors{arm="${{ arm }}"}'],
  ['--latency', 'bucket{arm="${{ arm }}"}'],
  ['--arms', 'stable,canary'],
  ['--share', '50%'],
].flat();

function replay(...args: readonly string[]): Promise<Ended> {
  const times = ['--from', new Date(FROM).toISOString(), '--to', new Date(FROM + HOUR).toISOString()];
  return theseus('judge', 'replay', '--prometheus', url, ...times, ...args);
}

const changed = (changes: Partial<Candidate>): void => {
  candidate = { ...HEALTHY, ...changes };
};

describe('theseus judge replay, arm against arm', () => {
  it('finds nothing where nothing was, and lets the candidate pass [XR-3]', async () => {
    changed({});
    const ended = await replay(...QUERIES, '--json');
    expect(ended.code).toBe(0);
    expect(lines(ended).at(-1)).toMatchObject({ kind: 'replayed', looks: 121, blind: 0, rollbacks: 0 });
    expect(lines(ended).at(-2)).toMatchObject({ kind: 'look', verdict: 'pass' });
  });

  it.each([
    ['errors', { errorShare: 0.02 }, /errors worse than legacy/],
    ['latency', { slowness: 2 }, /latency worse than legacy/],
  ])('finds when a candidate worse in %s would have been rolled back [XR-4]', async (_metric, changes, text) => {
    changed(changes);
    const { code, out } = await replay(...QUERIES);
    expect(code).toBe(1);
    expect(out).toMatch(/✗ It would have been rolled back at 2026-05-04T09:\d\d/);
    expect(out).toMatch(text);
  });

  it('is blind, not healthy, where an arm was not counted [CV-3]', async () => {
    changed({ goneAt: FROM + HOUR / 2 });
    const { code, out } = await replay(...QUERIES);
    expect(code).toBe(0);
    expect(out).toMatch(/2026-05-04T09:30:00\.000Z {2}inconclusive .*no requests of the candidate/);
    expect(out).toMatch(/60 healthy, 61 blind/);
  });

  it('says what is not judged, and what it would take', async () => {
    changed({});
    const { err, code } = await replay(...QUERIES.slice(0, 4), '--arms', 'stable,canary');
    expect(code).toBe(0);
    expect(err).toContain('latency is not judged: no histogram is named (--latency)');
    expect(err).toContain('throughput is not judged: nobody says how many users were on the candidate (--share)');
  });

  it("judges by a plan's own gate", async () => {
    changed({ errorShare: 0.02 });
    const plan = join(await mkdtemp(join(tmpdir(), 'theseus-replay-')), 'plan.yaml');
    await writeFile(
      plan,
      'plan: moving\ncohort: userId\nsignals: { errors: { telemetry: error-rate } }\ngates: { g: { every: 1m, rules: [ errors worse than legacy: hold ] } }\nflags: { cache: {} }\nphases: [ { phase: one, steps: [ { ramp: cache, gate: g, through: [100%], soak: 1h } ] } ]\n',
    );
    const ended = await replay(plan, ...QUERIES, '--json');
    expect(lines(ended).at(-1)).toMatchObject({ looks: 61, rollbacks: 0 });
    expect(lines(ended).some(({ verdict, action }) => verdict === 'fail' && action === 'hold')).toBe(true);
    expect(await replay(plan)).toMatchObject({ code: 2, err: expect.stringMatching(/give --requests and --errors/) });
  });

  it.each([
    [[], /There is nothing to judge by/],
    [['--requests', 'requests{arm="${{ arm }}"}'], /give both --requests and --errors/],
    [['--requests', 'requests', '--errors', 'errors{arm="${{ arm }}"}'], /--requests is the same for both arms/],
    [[...QUERIES, '--arms', 'stable'], /does not name two/],
    [[...QUERIES, '--share', '100%'], /is no share of users/],
    [[...QUERIES, '--every', '0s'], /no time at all/],
  ])('refuses %j', async (args, problem) => {
    const { code, err } = await replay(...args);
    expect(code).toBe(2);
    expect(err).toMatch(problem);
  });
});
