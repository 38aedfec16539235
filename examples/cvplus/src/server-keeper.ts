import { type ChildProcess, spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { dirname } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { liveWithParent, tellParent } from './child-life.ts';
import { readCredentials } from './server-credentials.ts';

/** Start the server, or start it again after it died. */
export interface StartServer {
  readonly kind: 'start-server';
  /** The command line program of Theseus. */
  readonly program: string;
  readonly dataFolder: string;
  readonly logFile: string;
}

export type KeeperMessage =
  | { readonly kind: 'server-spawned'; readonly pid: number }
  | { readonly kind: 'server-exited'; readonly code: number | null; readonly signal: string | null };

const STOP_LIMIT_MS = 20_000;
const START_LIMIT_MS = 30_000;
const LOOK_EVERY_MS = 100;

// Stands between the demo and the server, so that even a demo that is killed without a word leaves neither the server
// nor its database behind. It runs in a process group of its own: Ctrl-C ends the demo first, and the demo ends this.

let start: StartServer | undefined;
let server: ChildProcess | undefined;

process.on('message', (message: StartServer) => {
  if (message?.kind !== 'start-server') return;
  start = message;
  void spawnServer(message);
});
liveWithParent(stopServer);

/** The port of the first start is kept: whoever is connected looks for the server where it was. */
async function spawnServer({ program, dataFolder, logFile }: StartServer): Promise<ChildProcess> {
  const known = await readCredentials(dataFolder);
  const port = known === null ? '0' : new URL(known.url).port;
  const log = openSync(logFile, 'a');
  const path = [dirname(process.execPath), process.env['PATH'] ?? ''].join(':');
  const child = spawn(
    process.execPath,
    [program, 'serve', '--data', dataFolder, '--port', port, '--allow-run'],
    // The demo never touches a database of its user's, whatever the environment names.
    { stdio: ['ignore', log, log], env: { ...process.env, DATABASE_URL: '', PATH: path } },
  );
  server = child;
  child.on('spawn', () => tellParent<KeeperMessage>({ kind: 'server-spawned', pid: child.pid ?? 0 }));
  child.on('exit', (code, signal) => tellParent<KeeperMessage>({ kind: 'server-exited', code, signal }));
  return child;
}

async function stopServer(): Promise<void> {
  if (start === undefined || server === undefined) return;
  // A server that was killed has left its database running. Started once more, it takes it over and can stop it.
  if (hasExited(server)) {
    const again = await spawnServer(start);
    await untilHealthy(again, start.dataFolder);
  }
  await endProcess(server);
}

async function untilHealthy(child: ChildProcess, dataFolder: string): Promise<void> {
  const limit = Date.now() + START_LIMIT_MS;
  while (!hasExited(child) && Date.now() < limit) {
    const credentials = await readCredentials(dataFolder);
    if (credentials !== null && (await answers(`${credentials.url}/api/v1/health`))) return;
    await delay(LOOK_EVERY_MS);
  }
}

async function answers(url: string): Promise<boolean> {
  return fetch(url, { signal: AbortSignal.timeout(1_000) }).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function endProcess(child: ChildProcess): Promise<void> {
  if (hasExited(child)) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  await Promise.race([ended, delay(STOP_LIMIT_MS, undefined, { ref: false })]);
  if (!hasExited(child)) child.kill('SIGKILL');
}

function hasExited(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
