import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const THESEUS = fileURLToPath(new URL('../../packages/cli/bin/theseus.js', import.meta.url));
const PLAN = `plan: asking
cohort: userId
people: { ana: [lead] }
phases:
  - phase: one
    steps:
      - { approve: 'Go on?', by: [lead] }
      - { wait: 1s }
`;

interface Line {
  readonly kind: string;
  readonly run?: {
    readonly runId: string;
    readonly outcome: string | null;
    readonly waits: readonly { readonly on: string }[];
  };
}

interface Process {
  readonly child: ChildProcess;
  readonly lines: readonly Line[];
  readonly err: () => string;
  readonly ended: Promise<number | null>;
}

const running = new Set<ChildProcess>();
let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'theseus-run-'));
  await chmod(folder, 0o755);
  await writeFile(join(folder, 'plan.yaml'), PLAN);
});

afterEach(async () => {
  for (const child of running) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

/** A command line as a process of its own, as in a terminal or a pipeline. */
function theseus(...args: readonly string[]): Process {
  const env = { ...process.env, THESEUS_URL: '', THESEUS_TOKEN: '', DATABASE_URL: undefined };
  const child = spawn(process.execPath, [THESEUS, ...args, '--json'], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const lines: Line[] = [];
  let err = '';
  child.stderr?.on('data', (text) => {
    err += String(text);
  });
  const read = (async () => {
    for await (const line of createInterface({ input: child.stdout as NonNullable<ChildProcess['stdout']> })) {
      lines.push(JSON.parse(line) as Line);
    }
  })();
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code))).then(
    async (code) => {
      await read;
      running.delete(child);
      return code;
    },
  );
  return { child, lines, err: () => err, ended };
}

async function seen(process: Process, what: (line: Line) => boolean): Promise<Line> {
  for (;;) {
    const found = process.lines.find(what);
    if (found !== undefined) return found;
    if (process.child.exitCode !== null) throw new Error(`it ended with ${process.child.exitCode}: ${process.err()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const asksSomebody = ({ run }: Line): boolean => run?.waits.some(({ on }) => on === 'person') === true;

describe('theseus run', () => {
  it('ends with 0 when somebody agrees at another terminal', async () => {
    const run = theseus('run', 'plan.yaml');
    await seen(run, asksSomebody);
    expect(await theseus('approve', '--as', 'ana', '--reason', 'it is time').ended).toBe(0);
    expect(await run.ended).toBe(0);
    expect(run.lines.at(-1)?.run?.outcome).toBe('succeeded');
  });

  it('stays held when somebody rejects, and ends with 1 when it is aborted then', async () => {
    const run = theseus('run', 'plan.yaml');
    await seen(run, asksSomebody);
    expect(await theseus('reject', '--as', 'ana', '--reason', 'not today').ended).toBe(0);
    const status = theseus('status');
    expect(await status.ended).toBe(3);
    expect(status.lines.at(-1)).toMatchObject({ run: { outcome: null } });
    expect(await theseus('abort').ended).toBe(0);
    expect(await run.ended).toBe(1);
    expect(run.lines.at(-1)?.run?.outcome).toBe('aborted');
  });

  it('stops at Ctrl-C with 3, says how to go on, and goes on where it was [ALL-3]', async () => {
    const run = theseus('run', 'plan.yaml');
    // The very first sign that there is a run: whoever stops then must not leave half of it behind.
    const { run: asked } = await seen(run, ({ kind }) => kind === 'started');
    run.child.kill('SIGINT');
    expect(await run.ended).toBe(3);
    expect(run.err()).toContain("goes on with 'theseus serve'");

    const server = theseus('serve', '--port', '0');
    await seen(server, ({ kind }) => kind === 'serving');
    expect(await theseus('approve', '--as', 'ana', '--reason', 'it is time').ended).toBe(0);
    const watch = theseus('watch');
    expect(await watch.ended).toBe(0);
    expect(watch.lines.at(-1)?.run).toMatchObject({ runId: asked?.runId, outcome: 'succeeded' });
    server.child.kill('SIGTERM');
    expect(await server.ended).toBe(0);
  });
});
