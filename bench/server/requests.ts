import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type PlanSource, planFromSource } from '@theseus/core/plan';
import { exactly, type Figure, measuredOf } from '../support/figure.ts';
import { atOnce } from '../support/rounds.ts';
import { type System, startServing, startSystem } from '../support/system.ts';

const FLAGS_OF_A_PLAN = 1_000;
const PLANS = 2;
const ROUNDS = 5;
const WIDTH = 20;
const STARTS = 5;
const SETTLE_MS = 45_000;

/** What the server itself spends: evaluating all flags for somebody, saying that nothing has changed, starting, idling. */
export async function benchServer(): Promise<readonly Figure[]> {
  const [idle, ...starts] = await starting();
  // More than a token may ask for by default: a quick machine would measure the refusals.
  const system = await startSystem('--max-evaluations', '1000000');
  try {
    for (let plan = 0; plan < PLANS; plan += 1) await system.run(planOf(plan));
    return [...starts, ...(idle === undefined ? [] : [idle]), ...(await requests(system))];
  } finally {
    await system.stop();
  }
}

function planOf(number: number) {
  const flags = Array.from({ length: FLAGS_OF_A_PLAN }, (_, at) => `flag-${number}-${at}`);
  const source: PlanSource = {
    plan: `many-${number}`,
    cohort: 'userId',
    signals: { errors: { telemetry: 'error-rate' } },
    gates: { standard: { every: '10m', rules: [{ 'errors > 5%': 'rollback now' }] } },
    flags: Object.fromEntries(flags.map((key) => [key, {}])),
    phases: [{ phase: 'one', steps: [{ ramp: flags[0] ?? '', gate: 'standard', through: ['25%'], soak: '1w' }] }],
  };
  const { plan, problems } = planFromSource(source);
  if (plan === null) throw new Error(JSON.stringify(problems.all()[0]));
  return plan;
}

async function requests(system: System): Promise<readonly Figure[]> {
  const context = JSON.stringify({ context: { targetingKey: 'somebody', userId: 'somebody', country: 'DE' } });
  const bulk = { method: 'POST', path: '/ofrep/v1/evaluate/flags', body: context };
  const whole = { method: 'GET', path: '/api/v1/flags' };
  const forbidden = { method: 'GET', path: '/api/v1/doctor' };
  const { etag } = await ask(system, whole);
  const { etag: bulkTag } = await ask(system, bulk);
  const evaluating = await costEach(system, bulk, { count: 400, status: 200 });
  const unchanged = await costEach(system, { ...whole, etag }, { count: 4_000, status: 304 });
  const unchangedBulk = await costEach(system, { ...bulk, etag: bulkTag }, { count: 4_000, status: 304 });
  const nothing = await costEach(system, forbidden, { count: 4_000, status: 403 });
  const floor = { name: 'a request that is refused (403)', measured: nothing };
  return [
    {
      name: `OFREP evaluation of ${FLAGS_OF_A_PLAN * PLANS} flags for one subject`,
      unit: 'ms CPU',
      measured: evaluating,
      floor,
      mark: { text: 'at most 0.9 ms', isKept: evaluating.median <= 0.9 },
    },
    {
      name: 'saying that no flag has changed (304)',
      unit: 'ms CPU',
      measured: unchanged,
      floor,
      mark: { text: 'at most 0.05 ms', isKept: unchanged.median <= 0.05 },
    },
    { name: 'the same of an OFREP evaluation', unit: 'ms CPU', measured: unchangedBulk, floor },
  ];
}

interface Request {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
  readonly etag?: string | undefined;
}

const agent = new Agent({ keepAlive: true, maxSockets: WIDTH });

function ask({ url, sdkToken }: System, { method, path, body, etag }: Request) {
  return new Promise<{ readonly status: number; readonly etag: string | undefined }>((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${sdkToken}`,
      'content-type': 'application/json',
      ...(etag === undefined ? {} : { 'if-none-match': etag }),
    };
    const sent = request(`${url}${path}`, { method, headers, agent }, (answer) => {
      answer.resume();
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, etag: answer.headers.etag }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** CPU of the server for one request, milliseconds. */
async function costEach(
  system: System,
  asked: Request,
  { count, status: expected }: { readonly count: number; readonly status: number },
) {
  const taken: number[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const before = system.cost()?.cpuMs ?? Number.NaN;
    await atOnce(
      Array.from({ length: count }, (_, at) => at),
      WIDTH,
      async () => {
        const { status } = await ask(system, asked);
        if (status !== expected) throw new Error(`${asked.path} was answered by ${status}`);
      },
    );
    // The first round is never counted.
    if (round > 0) taken.push(((system.cost()?.cpuMs ?? Number.NaN) - before) / count);
  }
  return measuredOf(taken);
}

/** Starts again and again on one folder, with the PostgreSQL that the server brings; then leaves it alone. */
async function starting(): Promise<readonly Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'theseus-bench-'));
  await chmod(folder, 0o755);
  try {
    const times: number[] = [];
    let idleMb = Number.NaN;
    for (let start = 0; start <= STARTS; start += 1) {
      const begunAt = performance.now();
      const serving = await startServing(folder);
      // The first start makes the database, and is never counted.
      if (start > 0) times.push(performance.now() - begunAt);
      if (start === STARTS) {
        await delay(SETTLE_MS);
        idleMb = serving.cost()?.rssMb ?? Number.NaN;
      }
      await serving.stop();
    }
    const start = measuredOf(times);
    return [
      {
        name: 'memory of an idle server, without its PostgreSQL',
        unit: 'MB',
        measured: exactly(idleMb),
        mark: { text: 'at most 90 MB', isKept: idleMb <= 90 },
      },
      {
        name: 'start on a database that is there, its PostgreSQL included',
        unit: 'ms',
        measured: start,
        mark: { text: 'at most 1 000 ms', isKept: start.median <= 1_000 },
      },
    ];
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
