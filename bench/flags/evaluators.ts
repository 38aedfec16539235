import { murmur3Resume, saltState } from '@theseus/core/flag';
import { createTheseus } from '@theseus/sdk';
import { peerModule } from '../support/peers.ts';
import { landsOf, members, ROLLOUT, type Scenario, type Subject, scenarioDocument, WHOLE } from './scenarios.ts';

/** Something that answers flags. What it is asked with is made before anything is timed. */
export interface Evaluator {
  readonly name: string;
  /** What it cannot do by itself. */
  readonly lacks: readonly string[];
  /** Whether `ask` gives a promise. */
  readonly isAsync?: boolean;
  contextOf(subject: Subject): unknown;
  ask(key: string, context: unknown): boolean | Promise<boolean>;
  close(): unknown;
}

/** The least that any evaluation in JavaScript costs: a look-up of the flag, a closure of its own, murmur3. */
export function floorEvaluator(): Evaluator {
  const salt = saltState('benching');
  const known = new Set(members);
  const rules = (count: number) => {
    const tests = landsOf(count).map(
      (land) =>
        ({ country }: Subject) =>
          country === land,
    );
    return (subject: Subject): boolean => {
      for (const test of tests) if (test(subject)) return true;
      return false;
    };
  };
  const plain = (): boolean => true;
  const flags: ReadonlyMap<string, (subject: Subject) => boolean> = new Map<string, (subject: Subject) => boolean>([
    ['plain', plain],
    ['rules-1', rules(1)],
    ['rules-5', rules(5)],
    ['rules-20', rules(20)],
    ['rollout', ({ userId }) => (murmur3Resume(salt, userId) * WHOLE) / 2 ** 32 < ROLLOUT],
    ['segment', ({ userId }) => known.has(userId)],
    ['prerequisite', (subject): boolean => (flags.get('plain') ?? plain)(subject)],
  ]);
  return {
    name: 'closures, murmur3 and a Map',
    lacks: [],
    contextOf: (subject) => subject,
    ask: (key, context) => flags.get(key)?.(context as Subject) ?? false,
    close: () => undefined,
  };
}

/** The SDK itself, its flags given over a stream that stays open. */
export async function theseusEvaluator(): Promise<Evaluator> {
  const put = new TextEncoder().encode(`event: put\ndata: ${JSON.stringify(scenarioDocument)}\n\n`);
  const answer = (input: unknown): Response => {
    const isStream = String(input instanceof Request ? input.url : input).includes('stream');
    if (!isStream) return Response.json({ version: 1 });
    return new Response(new ReadableStream({ start: (stream) => stream.enqueue(put) }), {
      headers: { 'content-type': 'text/event-stream' },
    });
  };
  const client = createTheseus({
    url: 'http://127.0.0.1:1',
    token: 'bench',
    service: 'bench',
    fetch: (input) => Promise.resolve(answer(input)),
    log: () => undefined,
  });
  if (!(await client.ready(10_000))) throw new Error('the SDK got no flags');
  return {
    name: 'Theseus',
    lacks: [],
    contextOf: (subject) => ({ ...subject }),
    ask: (key, context) => client.enabled(key, context as Record<string, unknown>),
    close: () => client.close(),
  };
}

interface Peers {
  preparePeers(model: { landsOf: typeof landsOf; members: readonly string[] }): Promise<readonly Evaluator[]>;
}

/** The peers, installed first where they are not. */
export async function peerEvaluators(progress: (line: string) => void): Promise<readonly Evaluator[]> {
  const { preparePeers } = (await peerModule('index.mjs', progress)) as Peers;
  return preparePeers({ landsOf, members });
}

/** Refuses to time answers that are wrong. */
export async function checkAnswers(evaluator: Evaluator, scenario: Scenario, all: readonly Subject[]): Promise<void> {
  const known = new Set(members);
  let isLetIn = 0;
  for (const subject of all) {
    const answer = await evaluator.ask(scenario, evaluator.contextOf(subject));
    if (answer) isLetIn += 1;
    const expected =
      scenario === 'segment' ? known.has(subject.userId) : scenario === 'plain' || scenario === 'prerequisite';
    if (scenario !== 'rollout' && answer !== expected) {
      throw new Error(`${evaluator.name} answers ${answer} for ${scenario} and ${subject.userId}`);
    }
  }
  const share = isLetIn / all.length;
  if (scenario === 'rollout' && !(share > 0.17 && share < 0.33)) {
    throw new Error(`${evaluator.name} lets ${share * 100} % in instead of 25 %`);
  }
}
