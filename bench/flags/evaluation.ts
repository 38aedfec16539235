import { compileFlags, type EvaluationContext } from '@theseus/core/flag';
import { exactly, type Figure, type Measured, measuredOf } from '../support/figure.ts';
import { checkAnswers, type Evaluator, floorEvaluator, peerEvaluators, theseusEvaluator } from './evaluators.ts';
import { SCENARIOS, type Scenario, scenarioDocument, subjects } from './scenarios.ts';

const ROUNDS = 7;
const ROUND_MS = 40;
const MOST_TIMES_FLOOR = 2.5;
const LEAST_TIMES_FASTER = 3;
/** So few that no collection comes in between. */
const GARBAGE_CALLS = 2_000;
const GARBAGE_ROUNDS = 15;

/** What one evaluation costs by kind of flag: of the SDK, of the least there can be, and of every peer, turn by turn. */
export async function benchEvaluation({
  progress,
}: {
  readonly progress: (line: string) => void;
}): Promise<readonly Figure[]> {
  const peers = await peerEvaluators(progress);
  const [floor, theseus] = [floorEvaluator(), await theseusEvaluator()];
  const figures: Figure[] = [];
  try {
    for (const scenario of Object.keys(SCENARIOS) as Scenario[]) {
      progress(SCENARIOS[scenario]);
      figures.push(...(await compare(scenario, floor, theseus, peers)));
    }
    return [...figures, ...garbage(theseus)];
  } finally {
    await Promise.all([theseus, ...peers].map((each) => each.close()));
  }
}

async function compare(
  scenario: Scenario,
  floor: Evaluator,
  theseus: Evaluator,
  peers: readonly Evaluator[],
): Promise<readonly Figure[]> {
  const able = peers.filter(({ lacks }) => !lacks.includes(scenario));
  const [least, ours, ...theirs] = await timeAll([floor, theseus, ...able], scenario);
  if (least === undefined || ours === undefined) throw new Error('nothing was measured');
  const fastest = Math.min(...theirs.map(({ median }) => median));
  const times = fastest / ours.median;
  return [
    {
      name: `enabled() of ${SCENARIOS[scenario]}`,
      unit: 'ns',
      measured: ours,
      floor: { name: floor.name, measured: least },
      mark: {
        text: `at most ${MOST_TIMES_FLOOR} times that; ${times.toPrecision(3)} times as fast as the fastest peer, at least ${LEAST_TIMES_FASTER}`,
        isKept: ours.median <= MOST_TIMES_FLOOR * least.median && times >= LEAST_TIMES_FASTER,
      },
    },
    ...able.map(
      ({ name }, at): Figure => ({
        name: `  ${name}`,
        unit: 'ns',
        measured: theirs[at] ?? exactly(Number.NaN),
        floor: { name: theseus.name, measured: ours },
      }),
    ),
  ];
}

/** Turn by turn, so that whatever else the machine does meets all alike; CPU time, so that waiting for a turn does not count. */
async function timeAll(evaluators: readonly Evaluator[], scenario: Scenario): Promise<readonly Measured[]> {
  const runs: { readonly loop: Loop; readonly count: number; readonly taken: number[] }[] = [];
  for (const evaluator of evaluators) {
    await checkAnswers(evaluator, scenario, subjects);
    const loop = loopOf(evaluator, scenario);
    runs.push({ loop, count: await calibrated(loop), taken: [] });
  }
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const { loop, count, taken } of runs) taken.push(await nanosecondsOf(loop, count));
  }
  return runs.map(({ taken }) => measuredOf(taken));
}

type Loop = (count: number) => number | Promise<number>;

/**
 * A loop compiled for one evaluator and one flag alone: a shared one would make each call dearer by what the engine has seen of
 * all others.
 */
function loopOf(evaluator: Evaluator, scenario: Scenario): Loop {
  const contexts = subjects.map((subject) => evaluator.contextOf(subject));
  const [begin, wait] = evaluator.isAsync === true ? ['async ', 'await '] : ['', ''];
  const source = `// ${evaluator.name}, ${scenario}
    return ${begin}(count) => {
      let found = 0;
      for (let at = 0; at < count; at += 1) if (${wait}evaluator.ask(key, contexts[at & ${contexts.length - 1}])) found += 1;
      return found;
    };`;
  return new Function('evaluator', 'key', 'contexts', source)(evaluator, scenario, contexts) as Loop;
}

/** Warms a loop up until a round of it takes long enough to be timed. */
async function calibrated(loop: Loop): Promise<number> {
  let count = 1_024;
  for (let ns = await nanosecondsOf(loop, count); ns * count < ROUND_MS * 1_000_000; count *= 2) {
    ns = await nanosecondsOf(loop, count * 2);
  }
  return count;
}

async function nanosecondsOf(loop: Loop, count: number): Promise<number> {
  const before = process.cpuUsage();
  await loop(count);
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1_000) / count;
}

/** Bytes that a call leaves to be collected. Needs `--expose-gc`. */
function garbage(theseus: Evaluator): readonly Figure[] {
  if (globalThis.gc === undefined) return [];
  const flags = compileFlags(scenarioDocument);
  const contexts = subjects.map((subject) => ({ ...subject }) as EvaluationContext);
  const each = (ask: (context: EvaluationContext) => unknown) => bytesOf((at) => ask(contexts[at & 511] ?? {}));
  const scenarios = Object.keys(SCENARIOS) as Scenario[];
  const worst = Math.max(...scenarios.map((key) => each((context) => theseus.ask(key, context))));
  const details = Math.max(...scenarios.map((key) => each((context) => flags.evaluate(key, context))));
  return [
    { name: 'garbage of enabled(), any kind', unit: 'bytes', measured: exactly(worst), mark: atMost(0, worst) },
    { name: 'garbage of details(), any kind', unit: 'bytes', measured: exactly(details), mark: atMost(100, details) },
  ];
}

const atMost = (bound: number, bytes: number) => ({
  text: `at most ${bound} bytes`,
  isKept: Math.round(bytes) <= bound,
});

/** The middle of some rounds, the first of which warm up. */
function bytesOf(call: (at: number) => unknown): number {
  let kept: unknown;
  const round = (): number => {
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    for (let at = 0; at < GARBAGE_CALLS; at += 1) kept = call(at);
    return (process.memoryUsage().heapUsed - before) / GARBAGE_CALLS;
  };
  for (let warming = 0; warming < GARBAGE_ROUNDS; warming += 1) round();
  const rounds = Array.from({ length: GARBAGE_ROUNDS }, round);
  if (kept === undefined) throw new Error('nothing was answered');
  return measuredOf(rounds).median;
}
