import { afterEach, describe, expect, it } from 'vitest';
import { Random } from '../simulation/random.ts';
import { type EffectLedger, effectLedger } from '../test-support/effect-ledger.ts';
import { freePort } from '../test-support/free-port.ts';
import { KeptProcess, type Tokens } from '../test-support/kept-process.ts';
import { type KillablePostgres, killablePostgres } from '../test-support/killable-postgres.ts';
import { PatientOperator } from '../test-support/patient-operator.ts';
import { attend, faultsOf, GOOD_ENDS, smallRollout } from '../test-support/rollout-under-fire.ts';
import { until } from '../test-support/running-server.ts';
import { WatchingTraffic } from '../test-support/watching-traffic.ts';

const KILLS = Number(process.env['THESEUS_KILLS'] ?? 12);
const SEED = Number(process.env['THESEUS_KILL_SEED'] ?? 20_261_123);
/** Between two kills. */
const SHORTEST_PEACE_MS = 300;
const LONGEST_PEACE_MS = 3_500;
const LANES = 3;
const WHOLE = 100_000;

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
}, 60_000);

interface Scene {
  readonly postgres: KillablePostgres;
  readonly processes: readonly KeptProcess[];
  readonly ledger: EffectLedger;
  readonly operator: PatientOperator;
  readonly traffic: WatchingTraffic;
  readonly random: Random;
}

describe('server, worker and PostgreSQL under kill -9', () => {
  it(`lose no command, double no effect and end every run through ${KILLS} kills at random moments [ALL-3, ALL-7]`, async () => {
    const scene = await setUp();
    const kills = { server: 0, worker: 0, postgres: 0 };
    let isOver = false;
    const lanes = Array.from({ length: LANES }, (_, lane) => rollOut(scene, lane, () => isOver));
    await killAtRandom(scene, kills);
    isOver = true;
    const outcomes = (await Promise.all(lanes)).flat();
    const { ledger, operator, traffic, processes } = scene;
    const applied = await ledger.applied();
    const faults: string[] = [];
    for (const { runId, flag } of outcomes) {
      const log = await operator.log(runId);
      faults.push(
        ...faultsOf(runId, log, { applied, acknowledged: operator.acknowledged }),
        ...traffic.above(flag, log),
      );
    }
    console.info(
      `seed ${SEED}: kills ${JSON.stringify(kills)}, ${outcomes.length} runs, ${applied.length} effects applied, ` +
        `${operator.acknowledged.length} events acknowledged, ${traffic.answered} requests answered`,
    );
    expect(faults, processes.flatMap(({ complaints }) => complaints).join('\n')).toEqual([]);
    expect(outcomes.filter(({ outcome }) => !GOOD_ENDS.includes(outcome))).toEqual([]);
    expect(outcomes.length).toBeGreaterThanOrEqual(LANES);
    for (const { flag } of outcomes) await until(() => traffic.serves(flag, WHOLE));
  }, 3_600_000);
});

async function setUp(): Promise<Scene> {
  const postgres = await killablePostgres();
  closing.push(() => postgres.close());
  const ledger = await effectLedger();
  closing.push(() => ledger.close());
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  let tokens: Tokens = { operator: '', sdk: '' };
  const folder = ledger.folder;
  const database = ['--database-url', postgres.url];
  const onTokens = (made: Tokens): void => {
    tokens = made;
  };
  const server = new KeptProcess('server', ['serve', '--no-work', '--port', String(port), ...database], {
    folder,
    onTokens,
  });
  const worker = new KeptProcess('worker', ['worker', '--allow-run', ...database], { folder });
  const processes = [server, worker];
  for (const process of processes) {
    process.start();
    closing.push(() => process.stop());
  }
  await until(() => processes.every(({ isReady }) => isReady) && tokens.sdk !== '');
  const traffic = new WatchingTraffic([url, url], tokens.sdk, SEED);
  closing.push(() => traffic.close());
  const operator = new PatientOperator([url], () => tokens.operator);
  return { postgres, processes, ledger, operator, traffic, random: new Random(SEED) };
}

interface Ended {
  readonly runId: string;
  readonly flag: string;
  readonly outcome: string;
}

/** One rollout after the other, until told that it is over; at least one. */
async function rollOut(scene: Scene, lane: number, isOver: () => boolean): Promise<readonly Ended[]> {
  const { operator, traffic, ledger } = scene;
  const ended: Ended[] = [];
  do {
    const flag = `lane-${lane}-${ended.length}`;
    traffic.flags.add(flag);
    const runId = await operator.start(smallRollout(flag, ledger));
    // A command in the middle of everything, so that there is something that was promised.
    if (await operator.command(runId, { verb: 'pause' })) await operator.command(runId, { verb: 'resume' });
    ended.push({ runId, flag, outcome: await attend(runId, operator, ledger) });
    traffic.flags.delete(flag);
  } while (!isOver());
  return ended;
}

async function killAtRandom({ random, processes, postgres }: Scene, kills: Record<string, number>): Promise<void> {
  for (let count = 0; count < KILLS; count += 1) {
    const peaceMs = random.int(SHORTEST_PEACE_MS, LONGEST_PEACE_MS);
    await new Promise((resolve) => setTimeout(resolve, peaceMs));
    const victim = random.pick([...processes, postgres]);
    if (victim instanceof KeptProcess) victim.signal('SIGKILL');
    else await victim.kill();
    const name = victim instanceof KeptProcess ? victim.name : 'postgres';
    kills[name] = (kills[name] ?? 0) + 1;
  }
}
