import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Plan, type PlanSource, planFromSource } from '@theseus/core/plan';
import pg from 'pg';
import { exactly, type Figure, measuredOf, quantile } from '../support/figure.ts';
import { atOnce } from '../support/rounds.ts';
import { type System, startSystem } from '../support/system.ts';

const RUNS = 50;
const COMMANDS_PER_RUN = 20;
const AT_ONCE = 16;
const ROUNDS = 3;
const QUESTIONS = 60;

type StepSource = PlanSource['phases'][number]['steps'][number];

function planOf(name: string, steps: readonly StepSource[], changes: Partial<PlanSource> = {}): Plan {
  const source: PlanSource = {
    plan: name,
    cohort: 'userId',
    ...changes,
    phases: [{ phase: 'one', steps: [...steps] }],
  };
  const { plan, problems } = planFromSource(source);
  if (plan === null) throw new Error(JSON.stringify(problems));
  return plan;
}

/** What the one write path costs over HTTP, and how soon something is done about what it wrote. */
export async function benchCommands(): Promise<readonly Figure[]> {
  const system = await startSystem();
  try {
    return [...(await throughput(system)), ...(await latency(system))];
  } finally {
    await system.stop();
  }
}

async function throughput(system: System): Promise<readonly Figure[]> {
  const runs: string[] = [];
  for (let index = 0; index < RUNS; index += 1)
    runs.push(await system.run(planOf(`waiting-${index}`, [{ wait: '1d' }])));
  const work = Array.from({ length: COMMANDS_PER_RUN }, (_, index) => index).flatMap((index) =>
    runs.map((runId) => ({ runId, verb: index % 2 === 0 ? 'pause' : 'resume' })),
  );
  const commands = await perSecond(work, async ({ runId, verb }) => {
    const { status } = await system.call('POST', `/api/v1/runs/${runId}/commands`, { verb: { verb }, reason: 'bench' });
    if (status !== 200) throw new Error(`${verb} was answered by ${status}`);
  });
  const floor = await plainInserts(system.databaseUrl, work.length);
  return [
    {
      name: `commands over HTTP, ${AT_ONCE} at once, each one event in one transaction`,
      unit: 'events/s',
      measured: measuredOf(commands),
      floor: { name: 'plain SQL: lock a row, insert, update, notify, commit', measured: measuredOf(floor) },
    },
  ];
}

async function perSecond<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<unknown>,
): Promise<readonly number[]> {
  const rates: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const startedAt = performance.now();
    await atOnce(items, AT_ONCE, work);
    rates.push((items.length / (performance.now() - startedAt)) * 1_000);
  }
  return rates;
}

/** The same shape of transaction, with nothing decided, over as many connections as the server has. */
async function plainInserts(connectionString: string, count: number): Promise<readonly number[]> {
  const pool = new pg.Pool({ connectionString, max: 10 });
  await pool.query(
    `create table floor_run (id int primary key, state json); create table floor_event (run int, event json)`,
  );
  await pool.query(`insert into floor_run select generate_series(0, ${RUNS - 1}), '{}'`);
  const state = JSON.stringify({ filler: 'x'.repeat(1_500) });
  const event = JSON.stringify({ filler: 'x'.repeat(200) });
  const items = Array.from({ length: count }, (_, index) => index % RUNS);
  const rates = await perSecond(items, async (run) => {
    const client = await pool.connect();
    await client.query('begin');
    await client.query('select state from floor_run where id = $1 for update', [run]);
    await client.query('insert into floor_event values ($1, $2)', [run, event]);
    await client.query('update floor_run set state = $2 where id = $1', [run, state]);
    await client.query(`select pg_notify('floor', $1)`, [String(run)]);
    await client.query('commit');
    client.release();
  });
  await pool.end();
  return rates;
}

/** From the click that agrees to the message that follows it arriving elsewhere. */
async function latency(system: System): Promise<readonly Figure[]> {
  let arrived = (): void => undefined;
  const hook = createServer((request, response) => {
    request.resume().on('end', () => {
      arrived();
      response.end();
    });
  });
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
  const webhook = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/`;
  const pairs = Array.from({ length: QUESTIONS }, (_, index) => [
    { name: `ask-${index}`, approve: 'Go on?' },
    { name: `tell-${index}`, notify: 'hook', message: 'told' },
  ]).flat();
  const changes = { channels: { hook: { webhook } }, messages: { told: 'told' }, people: { ana: [] } };
  const runId = await system.run(planOf('asking', pairs, changes));
  const times: number[] = [];
  for (let index = 0; index < QUESTIONS; index += 1) {
    const stepId = `one/ask-${index}`;
    while (!(await system.view(runId)).waits.some((wait) => wait.stepId === stepId && wait.on === 'person'));
    const startedAt = performance.now();
    const effect = new Promise<number>((resolve) => {
      arrived = () => resolve(performance.now() - startedAt);
    });
    const command = { verb: { verb: 'approve', stepId }, reason: 'bench', person: 'ana' };
    const { status } = await system.call('POST', `/api/v1/runs/${runId}/commands`, command);
    if (status !== 200) throw new Error(`approve was answered by ${status}`);
    times.push(await effect);
  }
  hook.close();
  return [
    { name: 'from a command over HTTP to its effect at another server', unit: 'ms', measured: measuredOf(times) },
    { name: 'the same, 99 of 100', unit: 'ms', measured: exactly(quantile(times, 0.99)) },
  ];
}
