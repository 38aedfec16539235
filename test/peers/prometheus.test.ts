import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Plan, parsePlan } from '@theseus/core/plan';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { freePort } from '../test-support/free-port.ts';
import { type RunningServer, runningServer, until } from '../test-support/running-server.ts';

const THESEUS = fileURLToPath(new URL('../../packages/cli/bin/theseus.js', import.meta.url));
const TRAFFIC_EVERY_MS = 20;
const REQUESTS = 10;

/** A service that counts what it answers, as Prometheus reads it. */
class Service {
  readonly #counts = { legacy: { requests: 0, errors: 0 }, candidate: { requests: 0, errors: 0 } };
  readonly #server: Server;
  readonly #timer: NodeJS.Timeout;
  /** One request of so many fails on the candidate. */
  failsEach = 1_000;

  constructor() {
    this.#server = createServer((_request, response) => response.end(this.#metrics()));
    this.#timer = setInterval(() => this.#serve(), TRAFFIC_EVERY_MS);
  }

  async start(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #serve(): void {
    for (let request = 0; request < REQUESTS; request += 1) {
      this.#counts.legacy.requests += 1;
      this.#counts.candidate.requests += 1;
      if (this.#counts.legacy.requests % 1_000 === 0) this.#counts.legacy.errors += 1;
      if (this.#counts.candidate.requests % this.failsEach === 0) this.#counts.candidate.errors += 1;
    }
  }

  #metrics(): string {
    const lines = Object.entries(this.#counts).flatMap(([arm, { requests, errors }]) => [
      `shop_requests_total{arm="${arm}"} ${requests}`,
      `shop_errors_total{arm="${arm}"} ${errors}`,
    ]);
    return `${lines.join('\n')}\n`;
  }
}

/** The real Prometheus of Debian, on a port that it comes back to. */
class Prometheus {
  readonly #folder: string;
  readonly #port: number;
  #child: ChildProcess | null = null;

  constructor(folder: string, port: number) {
    this.#folder = folder;
    this.#port = port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Lets it remember samples of long ago, as OpenMetrics writes them. */
  async remember(metrics: string): Promise<void> {
    const file = join(this.#folder, 'history.txt');
    await writeFile(file, metrics);
    const args = ['tsdb', 'create-blocks-from', 'openmetrics', file, join(this.#folder, 'data')];
    const { status, stderr } = spawnSync('promtool', args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
  }

  async start(target: number): Promise<void> {
    const scrape = { job_name: 'shop', static_configs: [{ targets: [`127.0.0.1:${target}`] }] };
    const config = { global: { scrape_interval: '200ms', scrape_timeout: '200ms' }, scrape_configs: [scrape] };
    // JSON is YAML.
    await writeFile(join(this.#folder, 'prometheus.yml'), JSON.stringify(config));
    const args = [
      `--config.file=${join(this.#folder, 'prometheus.yml')}`,
      '--storage.tsdb.retention.time=60d',
      `--storage.tsdb.path=${join(this.#folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${this.#port}`,
    ];
    this.#child = spawn('prometheus', args, { stdio: 'ignore' });
    await until(async () => (await fetch(`${this.url}/-/ready`).catch(() => null))?.status === 200);
  }

  /** The value of a query's only series, as Prometheus writes it. */
  async ask(query: string): Promise<string | undefined> {
    const response = await fetch(`${this.url}/api/v1/query?${new URLSearchParams({ query }).toString()}`);
    const { data } = (await response.json()) as { data: { result: { value: [number, string] }[] } };
    return data.result[0]?.value[1];
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  }
}

const ratio = (arm: string) =>
  `sum(rate(shop_errors_total{arm="${arm}"}[2s])) / sum(rate(shop_requests_total{arm="${arm}"}[2s]))`;

const planText = (name: string, soak: string): string => `
plan: ${name}
cohort: userId
signals:
  errors:
    prometheus: '${ratio('candidate')}'
    legacy: '${ratio('legacy')}'
    sample: 'sum(increase(shop_requests_total{arm="candidate"}[2s]))'
    unit: ratio
    freshFor: 2s
gates:
  standard:
    every: 200ms
    rules:
      - errors > 5%: rollback now
      - errors > legacy + 4 points: rollback now
flags:
  ${name}: {}
phases:
  - phase: one
    steps:
      - ramp: ${name}
        gate: standard
        through: [10%, 100%]
        soak: ${soak}
`;

function planFor(name: string, soak: string): Plan {
  const { plan, diagnostics } = parsePlan(planText(name, soak), { file: 'plan.yaml' });
  if (plan === null) throw new Error(JSON.stringify(diagnostics));
  return plan;
}

interface Replayed {
  readonly status: number | null;
  /** The last line of what it printed. */
  readonly last: Readonly<Record<string, unknown>>;
}

function replayed(url: string, from: number, ...args: readonly string[]): Replayed {
  const asked = ['--prometheus', url, '--from', new Date(from).toISOString(), '--json', ...args];
  const { status, stdout } = spawnSync(process.execPath, [THESEUS, 'judge', 'replay', ...asked], { encoding: 'utf8' });
  return { status, last: JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}') as Record<string, unknown> };
}

const HOUR_MS = 3_600_000;

/** So long is the queue at an hour: twelve by day, three by night, and forty on Mondays at nine. */
function queueAt(at: number): number {
  const when = new Date(at);
  if (when.getUTCDay() === 1 && when.getUTCHours() === 9) return 40;
  return when.getUTCHours() >= 8 && when.getUTCHours() < 20 ? 12 : 3;
}

/** A sample each four minutes; a day of the second week was never scraped. */
function fourWeeksOfQueues(): string {
  const end = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 3 * HOUR_MS;
  const begin = end - 28 * 24 * HOUR_MS;
  const lines = ['# TYPE shop_queue gauge'];
  for (let at = begin; at < end; at += 240_000) {
    const day = Math.floor((at - begin) / (24 * HOUR_MS));
    if (day !== 10) lines.push(`shop_queue ${queueAt(at)} ${at / 1_000}`);
  }
  return `${lines.join('\n')}\n# EOF\n`;
}

/** Of those that are remembered whole. */
function lastMondayAtNine(): number {
  let at = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 5 * HOUR_MS;
  while (queueAt(at) !== 40) at -= HOUR_MS;
  return at;
}

const baselinePlan = `
plan: usual
cohort: userId
signals: { queue: { prometheus: 'sum(shop_queue)', unit: count } }
gates: { standard: { every: 200ms, rules: [queue > 2x baseline: hold] } }
flags: { usual: {} }
phases:
  - phase: one
    steps:
      - baseline: { over: 4w }
      - { ramp: usual, gate: standard, through: [100%], soak: 1h }
`;

describe.runIf(spawnSync('prometheus', ['--version']).status === 0)('a real Prometheus', () => {
  const service = new Service();
  let prometheus: Prometheus;
  let theseus: RunningServer;
  let target: number;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'theseus-prometheus-'));
    prometheus = new Prometheus(folder, await freePort());
    target = await service.start();
    await prometheus.remember(fourWeeksOfQueues());
    await prometheus.start(target);
    theseus = await runningServer({ prometheus: { url: prometheus.url } });
  }, 60_000);

  afterAll(async () => {
    await theseus?.stop();
    await prometheus?.stop();
    service.stop();
    await rm(folder, { recursive: true, force: true });
  });

  // What a query looks back on is there before a run begins.
  beforeEach(async () => {
    service.failsEach = 1_000;
    await until(async () => Number(await prometheus.ask(ratio('candidate'))) < 0.01);
  });

  const waits = async (run: string): Promise<string> =>
    (await theseus.view(run)).waits.map(({ text }) => text).join(' ');
  const typesOf = async (run: string): Promise<readonly string[]> =>
    (await theseus.events(run)).map(({ type }) => type);

  it('brings a healthy candidate to everybody [XR-3]', async () => {
    const run = await theseus.begin(planFor('healthy', '1s'));
    await until(async () => (await theseus.view(run)).outcome === 'succeeded');
  });

  it('has a candidate that degrades rolled back, with what was asked and what it was asked of [XR-4] [CV-4]', async () => {
    const run = await theseus.begin(planFor('degrading', '60s'));
    await until(async () => (await waits(run)).includes('of 1m healthy'));
    service.failsEach = 4;
    await until(async () => (await theseus.view(run)).outcome === 'partial');
    const initiated = (await theseus.events(run)).find(({ type }) => type === 'rollback.initiated');
    const evidence = JSON.stringify(initiated);
    expect(evidence).toContain(`prometheus ${prometheus.url}`);
    expect(evidence).toContain('shop_errors_total');
    expect(evidence).toMatch(/"sample":\d{2,}/);
  });

  it('holds while Prometheus is away, says so, rolls nothing back, and goes on when it returns [CV-3]', async () => {
    const run = await theseus.begin(planFor('blinded', '3s'));
    await until(async () => (await typesOf(run)).includes('flag.exposure-changed'));
    await prometheus.stop();
    await until(async () => (await typesOf(run)).includes('step.held'));
    expect(await waits(run)).toMatch(/nobody can tell whether it is healthy.*could not be asked: ECONNREFUSED/);
    expect(await typesOf(run)).not.toContain('rollback.initiated');
    await prometheus.start(target);
    await until(async () => (await theseus.view(run)).outcome === 'succeeded');
    expect(await typesOf(run)).toContain('step.released');
  }, 60_000);

  it('knows from four weeks of it what is usual at each hour of the week [CV-12] [QA-2]', async () => {
    const { plan } = parsePlan(baselinePlan, { file: 'plan.yaml' });
    if (plan === null) throw new Error('the plan is broken');
    const run = await theseus.begin(plan);
    await until(async () => (await theseus.view(run)).baselines.length > 0);
    const [baseline] = (await theseus.view(run)).baselines;
    expect(baseline).toMatchObject({
      signal: 'queue',
      unit: 'count',
      sample: { of: 'samples' },
      source: `prometheus ${prometheus.url}`,
      query: 'sum(shop_queue)',
      shape: { covered: 168, of: 168 },
    });
    const finished = (await theseus.events(run)).find(({ type }) => type === 'effect.finished');
    const recorded = finished?.type === 'effect.finished' ? finished.result.baselines?.['*']?.['queue'] : undefined;
    const hours = typeof recorded === 'object' ? (recorded.shape?.hours ?? []) : [];
    // The middle of an hour; at its ends an answer may still be of the hour before.
    expect(hours[9]).toBeGreaterThan(35);
    expect(hours[5 * 24 + 12]).toBeCloseTo(12, 0);
    expect(hours[6 * 24 + 3]).toBeCloseTo(3, 0);
    await theseus.command(run, { verb: 'abort' });
  });

  const replayOf = (file: string, ...more: readonly string[]) => {
    const args = ['judge', 'replay', file, '--prometheus', prometheus.url, '--json', ...more];
    const { status, stdout } = spawnSync(process.execPath, [THESEUS, ...args], { encoding: 'utf8' });
    return { status, last: JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}') as Record<string, unknown> };
  };

  it('replays a Monday morning against what is usual on Mondays, or against a day [CV-12]', async () => {
    const file = join(folder, 'usual.yaml');
    await writeFile(
      file,
      baselinePlan.replace('every: 200ms', 'every: 1m').replace('baseline: hold', 'baseline: rollback now'),
    );
    const span = [
      '--from',
      new Date(lastMondayAtNine()).toISOString(),
      '--to',
      new Date(lastMondayAtNine() + HOUR_MS).toISOString(),
    ];
    expect(replayOf(file, ...span, '--baseline', '1d')).toMatchObject({ status: 1 });
    expect(replayOf(file, ...span, '--baseline', '3w')).toMatchObject({ status: 0, last: { blind: 0, rollbacks: 0 } });
  }, 60_000);

  it('replays what it remembers by a gate, and says when that would have rolled back [XR-3]', async () => {
    const file = join(folder, 'plan.yaml');
    await writeFile(file, planText('replayed', '1m'));
    const replay = (from: number): Replayed => replayed(prometheus.url, from, file);
    const calm = Date.now();
    await until(() => Date.now() > calm + 2_000);
    expect(replay(calm)).toMatchObject({
      status: 0,
      last: { kind: 'replayed', blind: 0, rollbacks: 0, firstRollback: null },
    });
    service.failsEach = 3;
    let after = replay(calm);
    await until(() => {
      after = replay(calm);
      return after.status === 1;
    });
    expect(Date.parse(String(after.last['firstRollback']))).toBeGreaterThan(calm + 2_000);
  }, 60_000);

  it('replays arm against arm from their counters, without a plan [XR-3] [XR-4]', async () => {
    const counters = [
      ['--requests', 'shop_requests_total{arm="${{ arm }}"}'],
      ['--errors', 'shop_errors_total{arm="${{ arm }}"}'],
      ['--every', '200ms'],
    ].flat();
    const calm = Date.now();
    await until(() => Date.now() > calm + 3_000);
    const before = replayed(prometheus.url, calm, ...counters);
    expect(before).toMatchObject({ status: 0, last: { kind: 'replayed', rollbacks: 0 } });
    expect(Number(before.last['healthy'])).toBeGreaterThan(5);
    service.failsEach = 3;
    let after = before;
    await until(() => {
      after = replayed(prometheus.url, calm, ...counters);
      return after.status === 1;
    });
    expect(Date.parse(String(after.last['firstRollback']))).toBeGreaterThan(calm + 3_000);
  }, 60_000);

  it('takes a service that is gone for silence, not for health [CV-3]', async () => {
    const run = await theseus.begin(planFor('gone', '60s'));
    await until(async () => (await waits(run)).includes('of 1m healthy'));
    service.stop();
    await until(async () => (await typesOf(run)).includes('step.held'));
    expect(await waits(run)).toContain('nobody can tell whether it is healthy');
    expect(await typesOf(run)).not.toContain('rollback.initiated');
  }, 60_000);
});
