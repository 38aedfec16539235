import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Plan, planHash } from '@theseus/core/plan';
import type { RunView } from '@theseus/core/rollout';
import { startEmbeddedPostgres } from '@theseus/server';

const THESEUS = fileURLToPath(new URL('../../../packages/cli/bin/theseus.js', import.meta.url));
const WATCH_LOOP = new URL('../../support/watch-loop.mjs', import.meta.url).href;
const WATCH_PATIENCE_MS = 10_000;
/** Clock ticks of /proc per second, on every Linux that Node runs on. */
const TICKS = 100;

/** A real server process on an embedded PostgreSQL, both of their own, so that what they cost can be told apart. */
export interface System {
  readonly url: string;
  readonly databaseUrl: string;
  readonly sdkToken: string;
  call(method: string, path: string, body?: unknown, token?: string): Promise<{ status: number; body: never }>;
  run(plan: Plan): Promise<string>;
  view(runId: string): Promise<RunView>;
  /** CPU time so far and memory of the server process; null where the machine does not tell. */
  cost(): { readonly cpuMs: number; readonly rssMb: number } | null;
  /** How long the server's event loop stood still at most since this was asked last, and its memory. */
  watched(): Promise<Watched>;
  stop(): Promise<void>;
}

export interface Watched {
  readonly longestMs: number;
  readonly rss: number;
  readonly heapUsed: number;
}

interface Said {
  readonly kind: string;
  readonly url?: string;
  readonly operator?: string;
  readonly sdk?: string;
}

export async function startSystem(...options: readonly string[]): Promise<System> {
  const folder = await mkdtemp(join(tmpdir(), 'theseus-bench-'));
  await chmod(folder, 0o755);
  const postgres = await startEmbeddedPostgres({ folder: join(folder, 'database') });
  const databaseUrl = postgres.connectionString;
  const watchFile = join(folder, 'watched.json');
  const child = spawn(
    process.execPath,
    ['--expose-gc', '--import', WATCH_LOOP, THESEUS, 'serve', '--port', '0', '--json', ...options],
    {
      cwd: folder,
      env: {
        ...process.env,
        DATABASE_URL: databaseUrl,
        THESEUS_BENCH_LOOP: watchFile,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await exited;
    await postgres.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  const { url, operator, sdk } = await ready(child);
  const call: System['call'] = async (method, path, body, token = operator) => {
    const response = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: (text === '' ? null : JSON.parse(text)) as never };
  };
  return {
    url,
    databaseUrl,
    sdkToken: sdk,
    call,
    run: async (plan) => {
      const { status, body } = await call('POST', '/api/v1/runs', { plan, planHash: planHash(plan) });
      if (status !== 201) throw new Error(`a run could not be started: ${JSON.stringify(body)}`);
      return (body as { run: RunView }).run.runId;
    },
    view: async (runId) => ((await call('GET', `/api/v1/runs/${runId}`)).body as { run: RunView }).run,
    cost: () => costOf(child),
    watched: () => watchedOf(child, watchFile),
    stop,
  };
}

/** A server process alone, with the PostgreSQL it brings, in a folder that stays. */
export async function startServing(folder: string): Promise<Pick<System, 'cost' | 'stop'>> {
  const { DATABASE_URL: _none, ...env } = process.env;
  const child = spawn(process.execPath, [THESEUS, 'serve', '--port', '0', '--json'], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await ready(child);
  return {
    cost: () => costOf(child),
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

async function watchedOf(child: ChildProcess, file: string): Promise<Watched> {
  await rm(file, { force: true });
  child.kill('SIGUSR2');
  for (const until = performance.now() + WATCH_PATIENCE_MS; performance.now() < until; await delay(10)) {
    // Until it is whole it cannot be read.
    try {
      return JSON.parse(readFileSync(file, 'utf8')) as Watched;
    } catch {}
  }
  throw new Error('the server does not say how it is');
}

async function ready(child: ChildProcess): Promise<{ url: string; operator: string; sdk: string }> {
  if (child.stdout === null) throw new Error('the server says nothing');
  let [operator, sdk] = ['', ''];
  const lines = createInterface({ input: child.stdout });
  for await (const line of lines) {
    const said = JSON.parse(line) as Said;
    if (said.kind === 'tokens') [operator, sdk] = [said.operator ?? '', said.sdk ?? ''];
    if (said.kind === 'serving') {
      child.stdout.resume();
      return { url: said.url ?? '', operator, sdk };
    }
  }
  throw new Error('the server ended before it served');
}

function costOf({ pid }: ChildProcess): { readonly cpuMs: number; readonly rssMb: number } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = Number(fields[11]) + Number(fields[12]);
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const rssKb = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]);
    return { cpuMs: (ticks / TICKS) * 1_000, rssMb: rssKb / 1_024 };
  } catch {
    return null;
  }
}
