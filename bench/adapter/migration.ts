import { setImmediate as turn } from 'node:timers/promises';
import type { FlagDocument, MigrationStage } from '@theseus/core/flag';
import { createTheseus, type Migration, type TheseusClient } from '@theseus/sdk';
import { exactly, type Figure, type Measured, measuredOf } from '../support/figure.ts';
import { peerModule } from '../support/peers.ts';

const BATCH = 500;
const BATCHES = 100;
const ROUNDS = 7;
/** What the adapter may add to the calls themselves. */
const MOST_NS = { alone: 500, shadowed: 1_000 } as const;
const MOST_HEAP_BYTES = 2_560;

interface Answer {
  readonly id: string;
  readonly name: string;
  readonly tags: readonly string[];
  readonly total: number;
}

type Users = Migration<string, Promise<Answer>, Answer, Promise<void>>;

const CONTEXTS = Array.from({ length: 1_024 }, (_, index) => ({ userId: `user-${index}` }));
const answerOf = (id: string): Answer => ({ id, name: 'Ada', tags: ['one', 'two', 'three'], total: 12.5 });
const SIDES = { legacy: async (id: string) => answerOf(id), candidate: async (id: string) => answerOf(id) };
const WRITTEN = { count: 0 };
const put = async (_answer: Answer): Promise<void> => {
  WRITTEN.count += 1;
};

/** Another adapter over the same sides. */
interface PeerMigration {
  readonly name: string;
  contextOf(subject: { readonly userId: string }): unknown;
  read(stage: MigrationStage, context: unknown, id: string): Promise<unknown>;
  write(stage: MigrationStage, context: unknown, answer: Answer): Promise<unknown>;
  close(): unknown;
}

interface Peers {
  launchdarklyMigration(
    sides: typeof SIDES & { readonly put: typeof put; readonly isSame: typeof isSame },
  ): Promise<PeerMigration>;
}

interface Options {
  readonly progress: (line: string) => void;
}

/** What a read or a write costs that goes through the adapter, over what its sides cost alone, and what a peer's costs. */
export async function benchAdapter({ progress }: Options): Promise<readonly Figure[]> {
  const document: FlagDocument = {
    version: 1,
    flushEveryMs: 3_600_000,
    segments: {},
    flags: Object.fromEntries(
      (['off', 'dualwrite', 'shadow', 'complete'] as const).map((stage) => [stage, flagAt(stage)]),
    ),
  };
  const theseus = createTheseus({
    url: 'http://bench.invalid',
    token: 'bench',
    service: 'bench',
    fetch: serving(document),
  });
  try {
    if (!(await theseus.ready(10_000))) throw new Error('the flags did not arrive');
    const { launchdarklyMigration } = (await peerModule('launchdarkly-migration.mjs', progress)) as Peers;
    const peer = await launchdarklyMigration({ ...SIDES, put, isSame });
    try {
      return await measure(theseus, peer);
    } finally {
      peer.close();
    }
  } finally {
    await theseus.close();
  }
}

async function measure(theseus: TheseusClient, peer: PeerMigration): Promise<readonly Figure[]> {
  const users = (stage: MigrationStage): Users =>
    theseus.migration(stage, { read: SIDES, write: { legacy: put, candidate: put }, shadows: { room: BATCH } });
  const stages = {
    off: users('off'),
    dualwrite: users('dualwrite'),
    shadow: users('shadow'),
    complete: users('complete'),
  };
  const alone = await cpuNs(readAlone);
  const shadowedByHand = await cpuNs(readBothByHand);
  const writtenByHand = await cpuNs(writeBothByHand);
  const reads = (of: Users) => () => readAll(of);
  const shadow = stages.shadow;
  const peers = CONTEXTS.map((subject) => peer.contextOf(subject));
  const peerReads = (stage: MigrationStage) => async (): Promise<void> => {
    for (let index = 0; index < BATCH; index += 1) {
      await peer.read(stage, peers[index % peers.length], contextOf(index).userId);
    }
    await turn();
  };
  const peerWrites = async (): Promise<void> => {
    const answer = answerOf('a');
    for (let index = 0; index < BATCH; index += 1) await peer.write('dualwrite', peers[index % peers.length], answer);
  };
  const byHand = { name: 'both sides by hand, compared by hand', measured: shadowedByHand };
  const written = { name: 'both writes by hand', measured: writtenByHand };
  const figures = [];
  for (const { name, ours, theirs, floor, most } of [
    {
      name: 'a read at off',
      ours: reads(stages.off),
      theirs: peerReads('off'),
      floor: { name: 'legacy alone', measured: alone },
      most: MOST_NS.alone,
    },
    {
      name: 'a read at complete',
      ours: reads(stages.complete),
      theirs: peerReads('complete'),
      floor: { name: 'the candidate alone', measured: alone },
      most: MOST_NS.alone,
    },
    {
      name: 'a read at shadow, every one compared',
      ours: () => readCompared(shadow),
      theirs: peerReads('shadow'),
      floor: byHand,
      most: MOST_NS.shadowed,
    },
    { name: 'a write at dualwrite', ours: () => writeAll(stages.dualwrite), theirs: peerWrites, floor: written },
  ]) {
    const own = await cpuNs(ours);
    figures.push(over(name, own, floor, most), beside(peer, await cpuNs(theirs), own));
  }
  const bytes = (await heapBytes(() => readCompared(shadow))) - (await heapBytes(readBothByHand));
  const mark = { text: `under ${MOST_HEAP_BYTES} bytes`, isKept: bytes < MOST_HEAP_BYTES };
  return [
    ...figures.flat(),
    { name: 'heap that a shadow read takes over both by hand', unit: 'bytes', measured: exactly(bytes), mark },
  ];
}

/** A figure beside its floor, and what it adds to it. */
function over(
  name: string,
  measured: Measured,
  floor: NonNullable<Figure['floor']>,
  mostNs?: number,
): readonly Figure[] {
  const added = measured.median - floor.measured.median;
  const mark = mostNs === undefined ? {} : { mark: { text: `under ${mostNs} ns`, isKept: added < mostNs } };
  return [
    { name, unit: 'ns', measured, floor },
    { name: `${name}: what the adapter adds`, unit: 'ns', measured: exactly(Math.round(added)), ...mark },
  ];
}

/** The peer's figure beside ours. */
function beside(peer: PeerMigration, measured: Measured, own: Measured): readonly Figure[] {
  return [{ name: `  ${peer.name}`, unit: 'ns', measured, floor: { name: 'Theseus', measured: own } }];
}

const contextOf = (index: number) => CONTEXTS[index % CONTEXTS.length] ?? { userId: '' };

async function readAlone(): Promise<void> {
  for (let index = 0; index < BATCH; index += 1) await SIDES.legacy(contextOf(index).userId);
  await turn();
}

async function readAll(users: Users): Promise<void> {
  for (let index = 0; index < BATCH; index += 1) await users.read(contextOf(index), contextOf(index).userId);
  await turn();
}

async function readBothByHand(): Promise<void> {
  let different = 0;
  for (let index = 0; index < BATCH; index += 1) {
    const { userId } = contextOf(index);
    const legacy = await SIDES.legacy(userId);
    const candidate = await SIDES.candidate(userId);
    if (!isSame(legacy, candidate)) different += 1;
  }
  if (different > 0) throw new Error('the sides differ');
  await turn();
}

async function readCompared(users: Users): Promise<void> {
  const before = users.differences().compared;
  await readAll(users);
  while (users.differences().compared < before + BATCH) await turn();
}

async function writeBothByHand(): Promise<void> {
  const answer = answerOf('a');
  for (let index = 0; index < BATCH; index += 1) {
    await put(answer);
    await put(answer);
  }
}

async function writeAll(users: Users): Promise<void> {
  const answer = answerOf('a');
  for (let index = 0; index < BATCH; index += 1) await users.write(contextOf(index), answer);
}

function isSame(one: Answer, other: Answer): boolean {
  if (one.id !== other.id || one.name !== other.name || one.total !== other.total) return false;
  return one.tags.length === other.tags.length && one.tags.every((tag, at) => tag === other.tags[at]);
}

/** CPU nanoseconds of this process for one of the batch's calls. */
async function cpuNs(batch: () => Promise<void>): Promise<Measured> {
  const all: number[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const before = process.cpuUsage();
    for (let count = 0; count < BATCHES; count += 1) await batch();
    const { user, system } = process.cpuUsage(before);
    // The first round warms up.
    if (round > 0) all.push(((user + system) * 1_000) / (BATCH * BATCHES));
  }
  return measuredOf(all);
}

/** Bytes of heap that one of the batch's calls takes, garbage included: the middle of many rounds, as a collection in between hides some. */
async function heapBytes(batch: () => Promise<void>): Promise<number> {
  const all: number[] = [];
  for (let round = 0; round < 50; round += 1) {
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    await batch();
    all.push((process.memoryUsage().heapUsed - before) / BATCH);
  }
  return Math.round(measuredOf(all).median);
}

function flagAt(stage: MigrationStage) {
  return {
    key: stage,
    enabled: true,
    cohort: 'userId',
    salt: 'benching',
    exposure: 50_000,
    requires: [],
    overrides: { candidate: [], legacy: [] },
    rules: [],
    fallback: true,
    epoch: 1,
    migration: { stages: { legacy: stage, candidate: stage }, compared: 100_000, breakAbove: 10_000 },
  };
}

/** A server that serves one document and takes all telemetry. */
function serving(document: FlagDocument): typeof globalThis.fetch {
  return async (input) => {
    const path = new URL(input instanceof Request ? input.url : input).pathname;
    if (path.endsWith('/telemetry')) return Response.json({ version: document.version });
    if (!path.endsWith('/stream')) return Response.json(document);
    const text = `event: put\ndata: ${JSON.stringify(document)}\n\n`;
    const body = new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode(text)) });
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
  };
}
