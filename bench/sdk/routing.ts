import { type PlanSource, planFromSource } from '@theseus/core/plan';
import { createTheseus, type TheseusClient } from '@theseus/sdk';
import { exactly, type Figure, type Measured, measuredOf, quantile } from '../support/figure.ts';
import { rounds } from '../support/rounds.ts';
import { type System, startSystem } from '../support/system.ts';

const CALLS = 500_000;
const ROUNDS = 5;
const INSTANCES = 100;
const CHANGES = 5;
const MARK_MS = 1_000;

const SOURCE: PlanSource = {
  plan: 'routing',
  cohort: 'userId',
  signals: { errors: { telemetry: 'error-rate' } },
  gates: { standard: { rules: [{ 'errors > 5%': 'rollback now' }] } },
  flags: { moved: {} },
  phases: [{ phase: 'one', steps: [{ ramp: 'moved', gate: 'standard', through: ['50%'], soak: '1w' }] }],
};

/** What a request costs that goes through the SDK, and how soon all instances follow a decision. */
export async function benchSdk(): Promise<readonly Figure[]> {
  const system = await startSystem();
  const clients: TheseusClient[] = [];
  const add = (): TheseusClient => {
    const log = (): void => undefined;
    const client = createTheseus({ url: system.url, token: system.sdkToken, service: 'bench', log });
    clients.push(client);
    return client;
  };
  try {
    await begin(system);
    const startedAt = performance.now();
    const first = add();
    await first.ready(10_000);
    const ready = performance.now() - startedAt;
    const overhead = routing(first);
    for (let index = 1; index < INSTANCES; index += 1) add();
    await Promise.all(clients.map((client) => client.ready(10_000)));
    const spread = await following(system, clients);
    return [
      ...overhead,
      { name: 'from creating a client to knowing the flags', unit: 'ms', measured: exactly(ready) },
      ...spread,
    ];
  } finally {
    await Promise.all(clients.map((client) => client.close()));
    await system.stop();
  }
}

async function begin(system: System): Promise<string> {
  const { plan, problems } = planFromSource(SOURCE);
  if (plan === null) throw new Error(JSON.stringify(problems));
  return system.run(plan);
}

function routing(client: TheseusClient): readonly Figure[] {
  const contexts = Array.from({ length: 1_024 }, (_, index) => ({ userId: `user-${index}` }));
  let count = 0;
  const arms = {
    legacy: () => {
      count += 1;
      return count;
    },
    candidate: () => {
      count += 2;
      return count;
    },
  };
  const each = (work: (context: { userId: string }) => unknown) => (): void => {
    for (let index = 0; index < CALLS; index += 1) work(contexts[index % 1_024] ?? { userId: '' });
  };
  const direct = rounds(ROUNDS, each(arms.legacy));
  const routed = rounds(
    ROUNDS,
    each((context) => client.route('moved', context, arms)),
  );
  const asked = rounds(
    ROUNDS,
    each((context) => client.details('moved', context)),
  );
  const floor = { name: 'calling the arm', measured: nanoseconds(direct.wall) };
  return [
    { name: 'route(): evaluate, run, time and count', unit: 'ns', measured: nanoseconds(routed.wall), floor },
    { name: 'details(): evaluate only', unit: 'ns', measured: nanoseconds(asked.wall), floor },
  ];
}

const nanoseconds = ({ median, least, most }: Measured): Measured =>
  measuredOf([least, median, most].map((ms) => (ms * 1_000_000) / CALLS));

/** From the click that rolls back to the last of all instances on legacy. */
async function following(system: System, clients: readonly TheseusClient[]): Promise<readonly Figure[]> {
  const last: number[] = [];
  const all: number[] = [];
  for (let change = 0; change < CHANGES; change += 1) {
    const runId = change === 0 ? 'latest' : await begin(system);
    await Promise.all(clients.map((client) => until(client, true)));
    const startedAt = performance.now();
    const moved = clients.map((client) => until(client, false).then(() => performance.now() - startedAt));
    const verb = { verb: 'rollback', scope: 'flag', target: 'moved', overMs: 0 };
    const { status } = await system.call('POST', `/api/v1/runs/${runId}/commands`, { verb, reason: 'bench' });
    if (status !== 200) throw new Error(`the rollback was answered by ${status}`);
    const times = await Promise.all(moved);
    all.push(...times);
    last.push(Math.max(...times));
    while ((await system.view('latest')).status !== 'finished');
  }
  const measured = measuredOf(last);
  return [
    {
      name: `from a command to the last of ${INSTANCES} instances on legacy`,
      unit: 'ms',
      measured,
      mark: { text: 'under 1 000 ms', isKept: measured.most < MARK_MS },
    },
    { name: 'the same, half of the instances', unit: 'ms', measured: exactly(quantile(all, 0.5)) },
  ];
}

/** Resolves when the instance has some subject on the candidate, or none any more. */
function until(client: TheseusClient, isExposed: boolean): Promise<void> {
  const subjects = Array.from({ length: 16 }, (_, index) => ({ userId: `user-${index}` }));
  const isThere = (): boolean => subjects.some((context) => client.enabled('moved', context)) === isExposed;
  return new Promise((resolve) => {
    if (isThere()) return resolve();
    const unsubscribe = client.onChange(() => {
      if (!isThere()) return;
      unsubscribe();
      resolve();
    });
  });
}
