import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Plan, planHash } from '@theseus/core/plan';
import type { RecordedEvent, RolloutEvent, RunView } from '@theseus/core/rollout';
import pg from 'pg';
import { startServer, type TheseusServer } from '../src/wiring/start-server.ts';
import { type TestDatabase, testDatabase } from './test-database.ts';

const PATIENCE_MS = 25_000;
const LOOK_EVERY_MS = 20;

export interface Answer<Body> {
  readonly status: number;
  readonly body: Body;
}

/** A database and a folder for commands that outlive the server, which tests stop and start again. */
export class TestSystem {
  readonly #database: TestDatabase;
  /** Where the commands of plans run. */
  readonly folder: string;
  #server: TheseusServer | null = null;
  #tokens = { operator: '', sdk: '' };

  private constructor(database: TestDatabase, folder: string) {
    this.#database = database;
    this.folder = folder;
  }

  static async begin(): Promise<TestSystem> {
    const database = await testDatabase();
    const folder = await mkdtemp(join(tmpdir(), 'theseus-system-'));
    await chmod(folder, 0o755);
    const system = new TestSystem(database, folder);
    await system.start();
    return system;
  }

  get url(): string {
    return this.#server?.url ?? '';
  }

  get tokens(): { readonly operator: string; readonly sdk: string } {
    return this.#tokens;
  }

  async start(): Promise<void> {
    this.#server = await startServer({
      folder: join(this.folder, '.theseus'),
      databaseUrl: this.#database.url,
      port: 0,
      allowRun: true,
      onTokens: (made) => {
        this.#tokens = made;
      },
    });
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
    this.#server = null;
  }

  async end(): Promise<void> {
    await this.stop();
    await this.#database.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** A request as the operator; whatever the server answers. */
  async call<Body = never>(method: string, path: string, body?: unknown): Promise<Answer<Body>> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${this.#tokens.operator}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: (text === '' ? null : JSON.parse(text)) as Body };
  }

  /** Starts a run that must start, and returns its id. */
  async run(plan: Plan): Promise<string> {
    const request = { plan, planHash: planHash(plan) };
    const { status, body } = await this.call<{ run: RunView }>('POST', '/api/v1/runs', request);
    if (status !== 201) throw new Error(JSON.stringify(body));
    return body.run.runId;
  }

  command(
    runId: string,
    verb: object,
    more: object = {},
  ): Promise<Answer<{ run: RunView; error: { message: string } }>> {
    return this.call('POST', `/api/v1/runs/${runId}/commands`, { verb, reason: 'test', ...more });
  }

  async view(runId: string): Promise<RunView> {
    return (await this.call<{ run: RunView }>('GET', `/api/v1/runs/${runId}`)).body.run;
  }

  async log(runId: string): Promise<readonly RecordedEvent[]> {
    const path = `/api/v1/runs/${runId}/events?limit=1000`;
    return (await this.call<{ events: RecordedEvent[] }>('GET', path)).body.events;
  }

  async eventsOf<Type extends RolloutEvent['type']>(
    runId: string,
    type: Type,
  ): Promise<readonly Extract<RolloutEvent, { readonly type: Type }>[]> {
    const events = (await this.log(runId)).map(({ event }) => event);
    return events.filter((event): event is Extract<RolloutEvent, { readonly type: Type }> => event.type === type);
  }

  /** How many jobs for effects are still to be carried out, of all runs. */
  async effectJobs(): Promise<number> {
    const client = new pg.Client({ connectionString: this.#database.url });
    await client.connect();
    try {
      const { rows } = await client.query<{ count: string }>(
        `select count(*) from graphile_worker.jobs where task_identifier = 'theseus_effect'`,
      );
      return Number(rows[0]?.count);
    } finally {
      await client.end();
    }
  }

  /** The lines that commands of plans have written, oldest first; see {@link noting}. */
  async notes(): Promise<readonly string[]> {
    const text = await readFile(join(this.folder, 'notes'), 'utf8').catch(() => '');
    return text.split('\n').filter((line) => line !== '');
  }

  /** Lets commands made by {@link noting} with a gate go on. */
  async open(gate: string): Promise<void> {
    await writeFile(join(this.folder, gate), '');
  }
}

/** A command that writes a line for tests to read, and then waits for a file where a gate is named. */
export function noting(
  line: string,
  gate?: string,
): { readonly argv: readonly string[]; readonly repeatable: boolean } {
  const wait =
    gate === undefined ? '' : `const t = setInterval(() => fs.existsSync(process.argv[2]) && clearInterval(t), 10);`;
  const script = `const fs = require('fs'); fs.appendFileSync('notes', process.argv[1] + '\\n'); ${wait}`;
  return { argv: ['node', '-e', script, line, ...(gate === undefined ? [] : [gate])], repeatable: false };
}

/** Waits for the thing itself, however long it takes within reason. */
export async function until(
  reached: () => Promise<boolean>,
  between: () => Promise<void> = async () => undefined,
): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await reached())) {
    if (Date.now() > deadline) throw new Error(`it did not happen within ${PATIENCE_MS} ms: ${String(reached)}`);
    await between();
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}
