import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const KILLS = 20;
/** A server lives at least and at most so long before it is killed. */
const SHORTEST_LIFE_MS = 300;
const LONGEST_LIFE_MS = 4_500;
const SEED = Number(process.env['THESEUS_KILL_SEED'] ?? 20_261_123);

interface Summary {
  readonly kind: 'summary';
  readonly flags: Readonly<
    Record<string, { finalExposurePercent: number; outcome: string; rollback: { verified: boolean } | null }>
  >;
  readonly users: { readonly pagesServed: number; readonly pagesFailed: number };
  readonly effectsRepeated: number;
  readonly messages: { readonly delivered: number };
  readonly serverRestarts: number;
}

let demo: ChildProcess | null = null;

afterEach(() => {
  demo?.kill('SIGTERM');
});

describe('the demo under kill -9', () => {
  it(`loses no user request and repeats no effect although its server is killed ${KILLS} times at random moments [ALL-3, ALL-4]`, async () => {
    const { summary, kills } = await runAndKill();
    expect(kills, `seed ${SEED}`).toBeGreaterThanOrEqual(KILLS);
    expect(summary.serverRestarts).toBeGreaterThanOrEqual(KILLS);
    expect(summary.users.pagesServed).toBeGreaterThan(5_000);
    expect(summary.users.pagesFailed, `seed ${SEED}`).toBe(0);
    expect(summary.effectsRepeated).toBe(0);
    // Four phases each tell of their end; a repeated delivery is recognised by its key and not counted.
    expect(summary.messages.delivered).toBe(4);
    const { 'recommendation-generator': bad, ...others } = summary.flags;
    expect(bad).toMatchObject({ finalExposurePercent: 0, rollback: { verified: true } });
    expect(Object.values(others).map(({ outcome }) => outcome)).toEqual(Array(6).fill('moved'));
  }, 600_000);
});

async function runAndKill(): Promise<{ readonly summary: Summary; readonly kills: number }> {
  const random = randomOf(SEED);
  const program = join(ROOT, 'examples/cvplus/dist/demo.js');
  const child = spawn(process.execPath, [program, '--json', '--no-interactive'], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  demo = child;
  let kills = 0;
  let runStarted = false;
  let summary: Summary | null = null;
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const killLater = (pid: number): void => {
    if (kills >= KILLS) return;
    setTimeout(
      () => {
        if (child.exitCode !== null || summary !== null) return;
        kills += 1;
        process.kill(pid, 'SIGKILL');
      },
      SHORTEST_LIFE_MS + random() * (LONGEST_LIFE_MS - SHORTEST_LIFE_MS),
    );
  };
  let serverPid = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const fact = JSON.parse(line) as { kind: string; pid?: number };
    if (fact.kind === 'server-started' && fact.pid !== undefined) {
      serverPid = fact.pid;
      if (runStarted) killLater(serverPid);
    }
    if (fact.kind === 'run-started' && !runStarted) {
      runStarted = true;
      killLater(serverPid);
    }
    if (fact.kind === 'summary') summary = fact as unknown as Summary;
  }
  await exited;
  if (summary === null) throw new Error(`the demo ended without a summary (seed ${SEED})`);
  return { summary, kills };
}

/** mulberry32 */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
