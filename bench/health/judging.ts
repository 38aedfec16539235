import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import {
  type ArmComparison,
  type ArmCounts,
  beginJudge,
  type JudgeSetting,
  type JudgeState,
  look,
  PROFILES,
} from '@theseus/core/health';
import { exactly, type Figure, type Measured, measuredOf } from '../support/figure.ts';
import { rounds } from '../support/rounds.ts';

const LOOKS = 2_000;
const ROUNDS = 7;
/** A judge of months is long compiled. */
const ROUNDS_TO_WARM_UP = 6;
const RUNS = 100;
const TICKS = 240;
const MOST_US = 20;
const MOST_BYTES = 8_192;
const SEGMENTS = ['s60', 's25', 's10', 's4', 's1'];
const THESEUS = fileURLToPath(new URL('../../../packages/cli/bin/theseus.js', import.meta.url));

/** A clean rollout at 30 requests a second, a tenth of them on the candidate, as a stream of the protocol. */
class Stream {
  #seed = 20_261;
  readonly #sums = { control: emptySums(), candidate: emptySums() };

  header(run: string): string {
    const arm = { req: 90_000, err: 450, lat: [40, 90_000] };
    const rest = { slowBucket: 53, tailBucket: 68, segments: SEGMENTS, baseline: { control: arm, candidate: arm } };
    const assigned = { control: 18_000, candidate: 2_000 };
    return JSON.stringify({ type: 'run', run, tickSec: 30, soakTicks: TICKS, share: 0.1, assigned, ...rest });
  }

  tick(t: number): { readonly line: string; readonly arms: Readonly<Record<'control' | 'candidate', Arm>> } {
    const arms = { control: this.#arm('control', 810), candidate: this.#arm('candidate', 90) };
    return { line: JSON.stringify({ type: 'tick', t, ...arms }), arms };
  }

  #arm(name: 'control' | 'candidate', requests: number): Arm {
    const req = this.#about(requests * (0.8 + 0.4 * this.#random()));
    const err = this.#about(req * 0.005);
    const sums = this.#sums[name];
    const [slow, tail] = [this.#about(req / 4), this.#about(req / 100)];
    sums.n += req;
    sums.e += err;
    sums.s += slow;
    sums.t += tail;
    sums.seen += this.#about(req / 4);
    sums.failed += this.#about(err / 2);
    const { n, e, s, t } = sums;
    const cum = { ...sums, n2: 12 * n, e2: 2 * e, ne: 4 * e, s2: 3 * s, ns: 9 * s, t2: t, nt: 5 * t };
    const lat = Array.from({ length: 40 }, (_, at) => [34 + at, 1 + this.#about((req / 40) * this.#random())]).flat();
    const seg = SEGMENTS.flatMap((_, at) => [this.#about(req / 2 ** at / 2), this.#about(err / 2 ** at / 2)]);
    return {
      req,
      err,
      lat,
      active: this.#about(req / 2),
      risk: this.#about(req / 2),
      newFailed: this.#about(err / 2),
      seg,
      cum,
    };
  }

  /** A whole number whose mean is the value. */
  #about(value: number): number {
    return Math.floor(value + this.#random());
  }

  #random(): number {
    this.#seed = (this.#seed * 48_271) % 2_147_483_647;
    return this.#seed / 2_147_483_647;
  }
}

type Arm = ReturnType<typeof emptyArm>;

function emptySums(): Record<'seen' | 'failed' | 'n' | 'e' | 's' | 't', number> {
  return { seen: 0, failed: 0, n: 0, e: 0, s: 0, t: 0 };
}

function emptyArm() {
  const cum = { ...emptySums(), n2: 0, e2: 0, ne: 0, s2: 0, ns: 0, t2: 0, nt: 0 };
  return { req: 0, err: 0, lat: [0], active: 0, risk: 0, newFailed: 0, seg: [0], cum };
}

export interface JudgingOptions {
  /** A shell command that judges the same streams, to be timed beside the product's. */
  readonly peer: string | undefined;
}

/** What one look of the judge costs, and how much it remembers. */
export async function benchJudging({ peer }: JudgingOptions): Promise<readonly Figure[]> {
  const stream = new Stream();
  const sums = { control: noCounts(), candidate: noCounts() };
  const lines: string[] = [];
  const seen = Array.from({ length: LOOKS }, (_, t): ArmComparison => {
    const { line, arms } = stream.tick(t);
    lines.push(line);
    sums.control = grown(sums.control, arms.control);
    sums.candidate = grown(sums.candidate, arms.candidate);
    const counts = { legacy: sums.control, candidate: sums.candidate };
    const assigned = { legacy: 18_000, candidate: 2_000 };
    return { at: t * 30_000, counts, epoch: 0, odds: 1 / 9, assigned, ageMs: 0, problem: null };
  });
  let state = beginJudge(SETTING);
  for (let round = 0; round < ROUNDS_TO_WARM_UP; round += 1) state = judgeAll(seen);
  const judged = rounds(ROUNDS, () => {
    state = judgeAll(seen);
  });
  const parsed = rounds(ROUNDS, () => lines.reduce((total, line) => total + Object.keys(JSON.parse(line)).length, 0));
  const cost = perLook(judged.cpu);
  const bytes = JSON.stringify(state).length;
  const figures: Figure[] = [
    {
      name: 'one look of the judge, five segments',
      unit: 'µs',
      measured: cost,
      floor: { name: 'JSON.parse of what it sees', measured: perLook(parsed.cpu) },
      mark: { text: `at most ${MOST_US} µs`, isKept: cost.median <= MOST_US },
    },
    {
      name: `what it remembers after ${LOOKS.toLocaleString('en')} looks`,
      unit: 'bytes',
      measured: exactly(bytes),
      mark: { text: `at most ${MOST_BYTES.toLocaleString('en')}`, isKept: bytes <= MOST_BYTES },
    },
  ];
  return peer === undefined ? figures : [...figures, await besidePeer(peer)];
}

const SETTING: JudgeSetting = {
  profile: PROFILES.balanced,
  looks: TICKS,
  warmUpLooks: 2,
  errorLimit: 0.05,
  metrics: ['errors', 'latency', 'throughput'],
  prior: { requests: 90_000, errors: 450 },
  segments: SEGMENTS,
  everyMs: 30_000,
};

function judgeAll(seen: readonly ArmComparison[]): JudgeState {
  const state = seen.reduce((before, comparison) => look(SETTING, before, comparison), beginJudge(SETTING));
  if (state.verdict?.verdict === 'fail' || state.looks < LOOKS - 1) throw new Error('not every look was judged');
  return state;
}

function perLook({ median, least, most }: Measured): Measured {
  return measuredOf([least, median, most].map((ms) => (ms * 1_000) / LOOKS));
}

function noCounts(): ArmCounts {
  const latency = { timed: 0, body: 0, bodyTolerated: 0, bodyHarmful: 0, tail: 0, tailTolerated: 0, tailHarmful: 0 };
  const users = {
    seen: 0,
    failed: 0,
    atRisk: 0,
    n: 0,
    e: 0,
    s: 0,
    t: 0,
    nn: 0,
    ee: 0,
    ne: 0,
    ss: 0,
    ns: 0,
    tt: 0,
    nt: 0,
  };
  return { requests: 0, errors: 0, latency, users, segments: SEGMENTS.map(() => ({ requests: 0, errors: 0 })) };
}

function grown({ latency, users, segments }: ArmCounts, { req, risk, seg, cum }: Arm): ArmCounts {
  const slow = (share: number): number => Math.round(req * share);
  return {
    requests: cum.n,
    errors: cum.e,
    latency: {
      timed: latency.timed + req,
      body: latency.body + slow(0.25),
      bodyTolerated: latency.bodyTolerated + slow(0.2),
      bodyHarmful: latency.bodyHarmful + slow(0.1),
      tail: latency.tail + slow(0.01),
      tailTolerated: latency.tailTolerated + slow(0.008),
      tailHarmful: latency.tailHarmful + slow(0.004),
    },
    users: {
      seen: cum.seen,
      failed: cum.failed,
      atRisk: users.atRisk + risk,
      n: cum.n,
      e: cum.e,
      s: cum.s,
      t: cum.t,
      nn: cum.n2,
      ee: cum.e2,
      ne: cum.ne,
      ss: cum.s2,
      ns: cum.ns,
      tt: cum.t2,
      nt: cum.nt,
    },
    segments: segments.map(({ requests, errors }, at) => ({
      requests: requests + (seg[2 * at] ?? 0),
      errors: errors + (seg[2 * at + 1] ?? 0),
    })),
  };
}

/** The same streams through two processes, one after the other. */
async function besidePeer(peer: string): Promise<Figure> {
  const streams = Array.from({ length: RUNS }, (_, run) => {
    const stream = new Stream();
    const ticks = Array.from({ length: TICKS }, (_tick, t) => stream.tick(t).line);
    return [stream.header(`run-${run}`), ...ticks, '{"type":"end"}'].join('\n');
  }).join('\n');
  const own: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    own.push(await judgedBy(process.execPath, [THESEUS, 'judge'], streams));
    theirs.push(await judgedBy('/bin/sh', ['-c', peer], streams));
  }
  return {
    name: `theseus judge over ${(RUNS * TICKS).toLocaleString('en')} ticks, start and reading included`,
    unit: 'ms',
    measured: measuredOf(own),
    floor: { name: 'the peer over the same', measured: measuredOf(theirs) },
  };
}

async function judgedBy(command: string, args: readonly string[], input: string): Promise<number> {
  const startedAt = performance.now();
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  let verdicts = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    for (const byte of chunk) if (byte === 10) verdicts += 1;
  });
  child.stdin.end(`${input}\n`);
  await new Promise((resolve, reject) => child.on('close', resolve).on('error', reject));
  if (verdicts < RUNS * TICKS) throw new Error(`${command} ${args.join(' ')} gave ${verdicts} verdicts`);
  return performance.now() - startedAt;
}
