import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type PlanSource, planFromSource } from '@theseus/core/plan';
import { exactly, type Figure, measuredOf, quantile } from '../support/figure.ts';
import { type System, startSystem } from '../support/system.ts';
import type { Open, Told } from './subscribers.ts';

const SUBSCRIBERS = fileURLToPath(new URL('./subscribers.js', import.meta.url));
const CHANGES = 20;
/** So many changes first are not counted, so that what is timed is warm. */
const WARM_UP = 3;
const REST_MS = 250;
const FEW = 100;
const PROCESSES = 4;

const SOURCE: PlanSource = {
  plan: 'streaming',
  cohort: 'userId',
  signals: { errors: { telemetry: 'error-rate' } },
  gates: { standard: { every: '10m', rules: [{ 'errors > 5%': 'rollback now' }] } },
  flags: { moved: {} },
  phases: [{ phase: 'one', steps: [{ ramp: 'moved', gate: 'standard', through: ['50%'], soak: '1w' }] }],
};

interface Options {
  readonly connections: number;
  readonly progress: (line: string) => void;
}

/** From the answer to a change to whoever asks an SDK, with a hundred connections and with very many. */
export async function benchPropagation({ connections, progress }: Options): Promise<readonly Figure[]> {
  const system = await startSystem();
  try {
    const { plan, problems } = planFromSource(SOURCE);
    if (plan === null) throw new Error(JSON.stringify(problems));
    await system.run(plan);
    const few = await measured(system, { kind: 'sdk', count: FEW, processes: 2 });
    progress(`opening ${connections} streams`);
    const many = await measured(system, { kind: 'socket', count: connections, processes: PROCESSES });
    return [
      propagation(few, `${FEW} SDK clients`, 50),
      propagation(many, `${connections} streams`, 300),
      {
        name: `memory of one of ${connections} streams`,
        unit: 'KB',
        measured: exactly(many.bytesEach / 1_024),
        mark: { text: 'at most 16 KB', isKept: many.bytesEach <= 16 * 1_024 },
      },
      {
        name: `longest stall of the event loop while ${connections} streams are written to`,
        unit: 'ms',
        measured: measuredOf(many.stallsMs),
        mark: { text: 'at most 20 ms, the median change', isKept: measuredOf(many.stallsMs).median <= 20 },
      },
    ];
  } finally {
    await system.stop();
  }
}

interface Heard {
  /** Milliseconds from the answer to each connection having the change; none where it came before the answer. */
  readonly latencies: readonly number[];
  readonly stallsMs: readonly number[];
  readonly bytesEach: number;
}

function propagation({ latencies }: Heard, who: string, mostMs: number): Figure {
  const [half, most] = [quantile(latencies, 0.5), quantile(latencies, 0.99)];
  return {
    name: `from the answer to a change to each of ${who}: 99 of 100`,
    unit: 'ms',
    measured: { median: most, least: half, most: quantile(latencies, 1) },
    mark: { text: `at most ${mostMs} ms (in brackets: half of them, and the last)`, isKept: most <= mostMs },
  };
}

async function measured(
  system: System,
  { kind, count, processes }: Pick<Open, 'kind' | 'count'> & { readonly processes: number },
): Promise<Heard> {
  const before = await system.watched();
  const children = Array.from({ length: processes }, () => fork(SUBSCRIBERS, [], { stdio: 'inherit' }));
  try {
    const share = Math.ceil(count / processes);
    await Promise.all(
      children.map(async (child, at) => {
        const own = Math.min(share, count - at * share);
        child.send({ kind, count: own, url: system.url, token: system.sdkToken } satisfies Open);
        await told(child, 'open');
      }),
    );
    await delay(1_000);
    const opened = await system.watched();
    const [latencies, stallsMs]: [number[], number[]] = [[], []];
    for (let change = -WARM_UP; change < CHANGES; change += 1) {
      await delay(REST_MS);
      await system.watched();
      const some = await changeOnce(system, children);
      const { longestMs } = await system.watched();
      if (change < 0) continue;
      for (const each of some) latencies.push(each);
      stallsMs.push(longestMs);
    }
    return { latencies, stallsMs, bytesEach: (opened.rss - before.rss) / count };
  } finally {
    for (const child of children) child.disconnect();
    await Promise.all(children.map((child) => once(child, 'exit')));
  }
}

let isLetIn = false;

/** One person is let in or kept out, in turn: the least of changes. */
async function changeOnce(system: System, children: readonly ChildProcess[]): Promise<readonly number[]> {
  const all = Promise.all(children.map((child) => told(child, 'changed')));
  isLetIn = !isLetIn;
  const to = isLetIn ? 'candidate' : 'legacy';
  const request = { subjects: ['somebody'], to, reason: 'bench' };
  const { status } = await system.call('POST', '/api/v1/flags/moved/overrides', request);
  const answeredAt = Number(process.hrtime.bigint() / 1_000n);
  if (status !== 200) throw new Error(`a change was answered by ${status}`);
  return (await all).flatMap((heard) =>
    heard.kind === 'changed' ? heard.at.map((at) => Math.max(0, at - answeredAt) / 1_000) : [],
  );
}

/** The next thing that a process tells, or its end, which is none. */
function told(child: ChildProcess, kind: Told['kind']): Promise<Told> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      child.off('message', hear);
      child.off('exit', fail);
    };
    const hear = (message: Told): void => {
      if (message.kind !== kind) return;
      settle();
      resolve(message);
    };
    const fail = (): void => {
      settle();
      reject(new Error('a process with subscribers ended'));
    };
    child.on('message', hear);
    child.on('exit', fail);
  });
}
