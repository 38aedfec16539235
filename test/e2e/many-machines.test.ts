import { afterEach, describe, expect, it } from 'vitest';
import { type TestDatabase, testDatabase } from '../../packages/server/test-support/test-database.ts';
import { type WriteWitness, writeWitness } from '../../packages/server/test-support/write-witness.ts';
import { Random } from '../simulation/random.ts';
import { type EffectLedger, effectLedger } from '../test-support/effect-ledger.ts';
import { freePort } from '../test-support/free-port.ts';
import { KeptProcess, type Tokens } from '../test-support/kept-process.ts';
import { PatientOperator } from '../test-support/patient-operator.ts';
import { attend, faultsOf, GOOD_ENDS, smallRollout } from '../test-support/rollout-under-fire.ts';
import { until } from '../test-support/running-server.ts';
import { WatchingTraffic } from '../test-support/watching-traffic.ts';

const ROLLOUTS = Number(process.env['THESEUS_ROLLOUTS'] ?? 50);
const SEED = Number(process.env['THESEUS_KILL_SEED'] ?? 20_261_123);
const SHORTEST_PEACE_MS = 500;
const LONGEST_PEACE_MS = 2_500;
/** From a pause that nobody notices to one after which everything has gone to others. */
const SHORTEST_SLEEP_MS = 500;
const LONGEST_SLEEP_MS = 14_000;
const STARTING_AT_ONCE = 8;
const WHOLE = 100_000;

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
}, 60_000);

interface Scene {
  readonly servers: readonly KeptProcess[];
  readonly processes: readonly KeptProcess[];
  readonly ledger: EffectLedger;
  readonly operator: PatientOperator;
  readonly traffic: WatchingTraffic;
  readonly witness: WriteWitness;
}

describe('two servers and four workers on one PostgreSQL', () => {
  it(`carry ${ROLLOUTS} rollouts to their end while each of them is killed and stopped at random moments [ALL-3, ALL-7]`, async () => {
    const scene = await setUp();
    const { operator, traffic, ledger, witness, processes } = scene;
    const runs = await startAll(scene);
    const ends = Promise.all(runs.map(({ runId }) => attend(runId, operator, ledger)));
    let isOver = false;
    const harm = doHarm(scene, () => isOver);
    await outliveSleepingDriver(scene);
    const outcomes = await ends;
    isOver = true;
    const done = await harm;
    const applied = await ledger.applied();
    const faults: string[] = [];
    for (const { runId, flag } of runs) {
      const log = await operator.log(runId);
      faults.push(
        ...faultsOf(runId, log, { applied, acknowledged: operator.acknowledged }),
        ...traffic.above(flag, log),
      );
    }
    const { seen, writers, late } = await witness.verdict();
    console.info(
      `seed ${SEED}: ${JSON.stringify(done)}, ${applied.length} effects applied, ${seen} writes of ${writers} writers`,
    );
    expect(faults, processes.flatMap(({ complaints }) => complaints).join('\n')).toEqual([]);
    expect(late).toEqual([]);
    // Two effects of each, and exposures that are confirmed: not all are, where a soak is over before.
    expect(seen).toBeGreaterThan(ROLLOUTS * 2);
    expect(outcomes.filter((outcome) => !GOOD_ENDS.includes(outcome))).toEqual([]);
    await until(() => runs.every(({ flag }) => traffic.serves(flag, WHOLE)));
  }, 600_000);
});

async function setUp(): Promise<Scene> {
  const postgres: TestDatabase = await testDatabase();
  closing.push(() => postgres.close());
  const ledger = await effectLedger();
  closing.push(() => ledger.close());
  const { folder } = ledger;
  const database = ['--database-url', postgres.url];
  let tokens: Tokens = { operator: '', sdk: '' };
  const onTokens = (made: Tokens): void => {
    tokens = made;
  };
  const ports = [await freePort(), await freePort()];
  const urls = ports.map((port) => `http://127.0.0.1:${port}`);
  const servers = ports.map((port, index) => {
    const args = ['serve', '--no-work', '--port', String(port), ...database];
    return new KeptProcess(`server ${index + 1}`, args, { folder, onTokens });
  });
  const workers = [1, 2, 3, 4].map((number) => {
    // One of them may run no commands: they must find their way past it.
    const args = ['worker', ...(number === 4 ? [] : ['--allow-run']), ...database];
    return new KeptProcess(`worker ${number}`, args, { folder });
  });
  const processes = [...servers, ...workers];
  for (const process of processes) {
    process.start();
    closing.push(() => process.stop());
  }
  await until(() => processes.every(({ isReady }) => isReady) && tokens.sdk !== '');
  const witness = await writeWitness(postgres.url);
  closing.push(() => witness.close());
  const traffic = new WatchingTraffic(urls, tokens.sdk, SEED);
  closing.push(() => traffic.close());
  const operator = new PatientOperator(urls, () => tokens.operator);
  return { servers, processes, ledger, operator, traffic, witness };
}

interface Started {
  readonly runId: string;
  readonly flag: string;
}

async function startAll({ operator, traffic, ledger }: Scene): Promise<readonly Started[]> {
  const flags = Array.from({ length: ROLLOUTS }, (_, number) => `part-${number + 1}`);
  const started: Started[] = [];
  const startSome = async (): Promise<void> => {
    for (let flag = flags.shift(); flag !== undefined; flag = flags.shift()) {
      traffic.flags.add(flag);
      started.push({ flag, runId: await operator.start(smallRollout(flag, ledger)) });
    }
  };
  await Promise.all(Array.from({ length: STARTING_AT_ONCE }, startSome));
  return started;
}

/** Stops a server that drives runs until another has them all, and lets it wake up with its old plans in mind. */
async function outliveSleepingDriver({ servers, witness }: Scene): Promise<void> {
  const [first] = await witness.drivers();
  const sleeper = servers.find(({ pid }) => pid === first);
  if (first === undefined || sleeper === undefined) return;
  sleeper.signal('SIGSTOP');
  await until(async () => !(await witness.drivers()).includes(first));
  sleeper.signal('SIGCONT');
}

async function doHarm({ processes }: Scene, isOver: () => boolean): Promise<Record<string, number>> {
  const random = new Random(SEED);
  const done = { killed: 0, stopped: 0 };
  while (!isOver()) {
    await pause(random.int(SHORTEST_PEACE_MS, LONGEST_PEACE_MS));
    const victim = random.pick(processes);
    if (random.chance(0.5)) {
      victim.signal('SIGKILL');
      done.killed += 1;
      continue;
    }
    victim.signal('SIGSTOP');
    done.stopped += 1;
    void pause(random.int(SHORTEST_SLEEP_MS, LONGEST_SLEEP_MS)).then(() => victim.signal('SIGCONT'));
  }
  return done;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
