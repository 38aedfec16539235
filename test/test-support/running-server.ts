import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Plan, planHash } from '@theseus/core/plan';
import type { RecordedEvent, RunView } from '@theseus/core/rollout';
import { type ServerOptions, startServer } from '@theseus/server';
import { testDatabase } from '../../packages/server/test-support/test-database.ts';

const PATIENCE_MS = 25_000;
const LOOK_EVERY_MS = 20;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: never;
}

/** What a stream of server-sent events has said since it was opened. */
export interface Heard<Data> {
  readonly events: readonly { readonly event: string; readonly id: string | null; readonly data: Data }[];
  close(): Promise<void>;
}

/** A whole server on a database of its own, and the requests that tests make of it. */
export class RunningServer {
  readonly url: string;
  readonly sdkToken: string;
  readonly #operatorToken: string;
  readonly #stop: () => Promise<void>;

  constructor(url: string, tokens: Tokens, stop: () => Promise<void>) {
    this.url = url;
    this.sdkToken = tokens.sdk;
    this.#operatorToken = tokens.operator;
    this.#stop = stop;
  }

  stop(): Promise<void> {
    return this.#stop();
  }

  /** A request as the operator. */
  async call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const authorization = `Bearer ${this.#operatorToken}`;
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: { authorization, 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const parsed: unknown = text === '' ? null : JSON.parse(text);
    return { status: response.status, headers: response.headers, body: parsed as never };
  }

  /** Asks for a run of a plan, whatever the answer. */
  ask(plan: Plan): Promise<Answer> {
    return this.call('POST', '/api/v1/runs', { plan, planHash: planHash(plan) });
  }

  /** Starts a run that must start, and returns its id. */
  async begin(plan: Plan): Promise<string> {
    const answer = await this.ask(plan);
    if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
    return (answer.body as { run: RunView }).run.runId;
  }

  async command(runId: string, verb: object): Promise<void> {
    const { status, body } = await this.call('POST', `/api/v1/runs/${runId}/commands`, { verb, reason: 'test' });
    if (status !== 200) throw new Error(JSON.stringify(body));
  }

  async view(runId: string): Promise<RunView> {
    return ((await this.call('GET', `/api/v1/runs/${runId}`)).body as { run: RunView }).run;
  }

  async events(runId: string): Promise<readonly RecordedEvent['event'][]> {
    const { body } = await this.call('GET', `/api/v1/runs/${runId}/events?limit=1000`);
    return (body as { events: RecordedEvent[] }).events.map(({ event }) => event);
  }

  /** Opens a stream as an SDK does, or as the operator. */
  async open<Data>(path: string, { as = 'sdk', headers = {} }: OpenOptions = {}): Promise<Heard<Data>> {
    const abort = new AbortController();
    const token = as === 'sdk' ? this.sdkToken : this.#operatorToken;
    const all = { authorization: `Bearer ${token}`, accept: 'text/event-stream', ...headers };
    const { body, status } = await fetch(`${this.url}${path}`, { headers: all, signal: abort.signal });
    if (body === null || status !== 200) throw new Error(`${path} answered ${status}`);
    const events: { event: string; id: string | null; data: Data }[] = [];
    const done = readEvents(body, (event, id, data) => void events.push({ event, id, data: JSON.parse(data) as Data }));
    const close = async (): Promise<void> => {
      abort.abort();
      await done.catch(() => undefined);
    };
    return { events, close };
  }
}

interface OpenOptions {
  readonly as?: 'sdk' | 'operator';
  readonly headers?: Readonly<Record<string, string>>;
}

interface Tokens {
  readonly operator: string;
  readonly sdk: string;
}

export async function runningServer(options: Partial<ServerOptions> = {}): Promise<RunningServer> {
  const postgres = await testDatabase();
  const folder = await mkdtemp(join(tmpdir(), 'theseus-scenario-'));
  await chmod(folder, 0o755);
  let tokens: Tokens = { operator: '', sdk: '' };
  const onTokens = (made: Tokens): void => {
    tokens = made;
  };
  const server = await startServer({ ...options, folder, databaseUrl: postgres.url, port: 0, onTokens });
  return new RunningServer(server.url, tokens, async () => {
    await server.stop();
    await postgres.close();
    await rm(folder, { recursive: true, force: true });
  });
}

/** Waits for the thing itself, however long it takes within reason. */
export async function until(
  reached: () => Promise<boolean> | boolean,
  between: () => Promise<void> | void = () => undefined,
): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await reached())) {
    if (Date.now() > deadline) throw new Error(`it did not happen within ${PATIENCE_MS} ms: ${String(reached)}`);
    await between();
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

async function readEvents(
  body: NonNullable<Response['body']>,
  onEvent: (event: string, id: string | null, data: string) => void,
): Promise<void> {
  let text = '';
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    const parts = (text + chunk).split('\n\n');
    text = parts.pop() ?? '';
    for (const part of parts) {
      const [, event, id, data] = /^event: (\w+)\n(?:id: (\d+)\n)?data: (.*)$/.exec(part) ?? [];
      if (event !== undefined && data !== undefined) onEvent(event, id ?? null, data);
    }
  }
}
