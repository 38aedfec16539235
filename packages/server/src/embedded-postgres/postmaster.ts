import { type ChildProcess, spawn } from 'node:child_process';
import { readFile, readlink, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { TheseusError } from '@theseus/core/error';
import { type Account, spawnOptions } from './account.ts';
import { type Access, waitUntilAnswering } from './connection.ts';
import { commandLine, isAlive } from './process-identity.ts';
import { openServerLog, readTail } from './server-log.ts';
import { serverArguments } from './server-settings.ts';

const ANSWER_LIMIT_MS = 120_000;
const DYING_LIMIT_MS = 30_000;
const FAST_STOP_LIMIT_MS = 10_000;
const QUICK_STOP_LIMIT_MS = 5_000;
const POLL_MS = 25;

/** The first process of a PostgreSQL server. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
}

export interface PostmasterStart {
  readonly postgres: string;
  readonly account: Account | null;
  readonly folder: string;
  readonly dataFolder: string;
  readonly access: Access;
}

/** Why a server ended before it answered, with what it wrote to its log. */
export class PostmasterExit extends Error {
  readonly isPortTaken: boolean;
  /** Processes of a server that was killed are still letting go of its memory. */
  readonly isPredecessorEnding: boolean;

  constructor(output: string) {
    super(output);
    this.isPortTaken = /could not bind|Address already in use/.test(output);
    this.isPredecessorEnding = /pre-existing shared memory block|lock file "postmaster\.pid" already exists/.test(
      output,
    );
  }
}

/**
 * Starts a server that outlives this process, and waits until it answers.
 *
 * @throws PostmasterExit when it ends instead.
 */
export async function startPostmaster(start: PostmasterStart): Promise<Postmaster> {
  const { postgres, account, folder, dataFolder, access } = start;
  const log = await openServerLog(folder);
  let ended: string | null = null;
  let child: ChildProcess;
  try {
    const stdio = ['ignore', log.file.fd, log.file.fd] as const;
    child = spawn(postgres, serverArguments(dataFolder, access.port), {
      ...spawnOptions(account),
      detached: true,
      stdio: [...stdio],
    });
    child.once('exit', (code, signal) => (ended ??= `PostgreSQL ended with ${signal ?? `status ${code}`}`));
    child.once('error', (error) => (ended ??= error.message));
    child.unref();
  } finally {
    await log.file.close();
  }
  const check = async (): Promise<void> => {
    if (ended !== null) throw new PostmasterExit(`${ended}\n${await readTail(log.path, log.offset)}`.trim());
  };
  try {
    await waitUntilAnswering(access, { check, limitMs: ANSWER_LIMIT_MS });
  } catch (error) {
    if (ended === null && child.pid !== undefined)
      await stopPostmaster({ pid: child.pid, port: access.port }, dataFolder);
    throw error;
  }
  // Something else may have answered on the port while ours was failing to take it.
  await check();
  return { pid: child.pid ?? 0, port: access.port };
}

/**
 * Finds a server that already runs on the data folder, waiting until it answers with our password or has ended.
 * A `postmaster.pid` that no living server stands behind is removed. PostgreSQL itself still refuses to start while
 * any process of an earlier server uses the folder.
 *
 * @throws TheseusError `postgres-unavailable` when a server runs but does not answer.
 */
export async function findRunningPostmaster(
  dataFolder: string,
  password: () => Promise<string>,
): Promise<Postmaster | null> {
  const pidFile = join(dataFolder, 'postmaster.pid');
  const found = parsePidFile(await readFile(pidFile, 'utf8').catch(() => ''));
  if (found !== null && (await isPostmasterOf(found.pid, dataFolder))) {
    const answered = await waitForFound(found, dataFolder, await password());
    if (answered) return found;
  }
  await rm(pidFile, { force: true });
  return null;
}

/** True once it answers, false once it has ended: it may be recovering or shutting down when it is found. */
async function waitForFound(found: Postmaster, dataFolder: string, password: string): Promise<boolean> {
  const gone = new Error('gone');
  const check = async (): Promise<void> => {
    if (!(await isPostmasterOf(found.pid, dataFolder))) throw gone;
  };
  try {
    const answer = { check, limitMs: DYING_LIMIT_MS };
    const theirs = await waitUntilAnswering({ port: found.port, password }, answer);
    if (await isSamePlace(theirs, dataFolder)) return true;
    throw new TheseusError(
      'postgres-unavailable',
      `Cannot use the data folder ${dataFolder}: the server on port ${found.port} serves ${theirs}; stop it first`,
    );
  } catch (error) {
    if (error === gone) return false;
    throw error;
  }
}

/** Process id in line 1 and port in line 4 of `postmaster.pid`; null while it is torn or not yet complete. */
function parsePidFile(text: string): Postmaster | null {
  const lines = text.split('\n');
  const pid = Number.parseInt(lines[0] ?? '', 10);
  const port = Number.parseInt(lines[3] ?? '', 10);
  return pid > 0 && port > 0 ? { pid, port } : null;
}

/** Process ids are used again, so a living process counts only when it was started as a server on this folder. */
export async function isPostmasterOf(pid: number, dataFolder: string): Promise<boolean> {
  if (!(await isAlive(pid))) return false;
  const words = (await commandLine(pid)) ?? [];
  if (basename(words[0] ?? '') !== 'postgres') return false;
  if (words.includes(dataFolder) || words.join(' ').includes(` -D ${dataFolder} `)) return true;
  // A folder that was moved under its running server still is where that server works.
  return (await readlink(`/proc/${pid}/cwd`).catch(() => null)) === dataFolder;
}

/** Shuts the server down: its sessions are ended and their transactions undone. Does nothing when it has ended. */
export async function stopPostmaster({ pid }: Postmaster, dataFolder: string): Promise<void> {
  if (await signalAndWait(pid, dataFolder, { signal: 'SIGINT', limitMs: FAST_STOP_LIMIT_MS })) return;
  if (await signalAndWait(pid, dataFolder, { signal: 'SIGQUIT', limitMs: QUICK_STOP_LIMIT_MS })) return;
  throw new TheseusError('timed-out', `Cannot stop PostgreSQL on ${dataFolder}: process ${pid} still runs; kill it`);
}

async function signalAndWait(
  pid: number,
  dataFolder: string,
  { signal, limitMs }: { readonly signal: NodeJS.Signals; readonly limitMs: number },
): Promise<boolean> {
  if (!(await isPostmasterOf(pid, dataFolder))) return true;
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return true;
    throw error;
  }
  const deadline = performance.now() + limitMs;
  while (performance.now() < deadline) {
    await pause(POLL_MS);
    if (!(await isPostmasterOf(pid, dataFolder))) return true;
  }
  return false;
}

async function isSamePlace(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([stat(one).catch(() => null), stat(other)]);
  return a !== null && a.dev === b.dev && a.ino === b.ino;
}
