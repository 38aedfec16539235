import { setTimeout as pause } from 'node:timers/promises';
import { errorText, TheseusError } from '@theseus/core/error';
import { prepareBinaries } from './binaries.ts';
import { type Access, ensureDatabase } from './connection.ts';
import { type DataFolder, locateDataFolder } from './data-folder.ts';
import { type FolderLock, takeFolderLock } from './folder-lock.ts';
import { readPassword, writeFolderRecord } from './folder-record.ts';
import { initialiseDataFolder } from './initialise.ts';
import { chooseFreePort, isPortFree } from './port.ts';
import {
  findRunningPostmaster,
  type Postmaster,
  PostmasterExit,
  startPostmaster,
  stopPostmaster,
} from './postmaster.ts';
import { takeStartLock } from './start-lock.ts';

const PREDECESSOR_LIMIT_MS = 20_000;
const PREDECESSOR_POLL_MS = 100;
const PORT_ATTEMPTS = 5;

export interface BringUp {
  readonly folder: string;
  readonly log: (message: string) => void;
  readonly packageRoot: () => string;
  readonly systemFolders: readonly string[];
  /** The port that must be used, since clients know it; null leaves the choice free. */
  readonly fixedPort: number | null;
}

/** A server that answers, and the right to use it. */
export interface Running {
  readonly postmaster: Postmaster;
  readonly lock: FolderLock;
  readonly access: Access;
  readonly dataFolder: string;
  /** True when the server was running already. */
  readonly tookOver: boolean;
}

/**
 * Brings the PostgreSQL of a folder to where it serves us alone: takes over the one that runs, else starts it, making
 * the database first where there is none.
 *
 * @throws TheseusError `folder-in-use` when another Theseus server has it; `postgres-unavailable` when it cannot run.
 */
export async function bringUp(request: BringUp): Promise<Running> {
  const releaseStartLock = await takeStartLock(request.folder);
  try {
    const data = await locateDataFolder(request.folder, request.systemFolders, request.log);
    const found = data.complete ? await findRunningPostmaster(data.path, () => readPassword(request.folder)) : null;
    if (found !== null && request.fixedPort !== null && found.port !== request.fixedPort)
      throw takenAway(request.folder);
    const postmaster = found ?? (await initialiseAndStart(request, data));
    return await lockIn(request, data, { postmaster, tookOver: found !== null });
  } finally {
    await releaseStartLock();
  }
}

async function lockIn(
  { folder, log }: BringUp,
  data: DataFolder,
  { postmaster, tookOver }: Pick<Running, 'postmaster' | 'tookOver'>,
): Promise<Running> {
  const access = { port: postmaster.port, password: await readPassword(folder) };
  try {
    await ensureDatabase(access);
    const lock = await takeFolderLock(folder, access);
    if (tookOver)
      log(`took over the PostgreSQL that was left running (process ${postmaster.pid}, port ${access.port})`);
    return { postmaster, lock, access, dataFolder: data.path, tookOver };
  } catch (error) {
    // One that was found running serves somebody else.
    if (!tookOver) await stopPostmaster(postmaster, data.path);
    throw error;
  }
}

async function initialiseAndStart(request: BringUp, data: DataFolder): Promise<Postmaster> {
  const { folder, systemFolders, log } = request;
  const { account } = data;
  const binaries = await prepareBinaries({ packageRoot: request.packageRoot(), account, folder, systemFolders });
  if (!data.complete) {
    log(`making a new database in ${data.path}`);
    await initialiseDataFolder(folder, data, binaries.initdb);
  }
  const password = await readPassword(folder);
  let port = await firstPort(request, data);
  for (let attempt = 1; ; attempt += 1) {
    await writeFolderRecord(folder, {
      ...data.record,
      port,
      stagedData: data.path.startsWith(folder) ? null : data.path,
    });
    const start = { postgres: binaries.postgres, account, folder, dataFolder: data.path, access: { port, password } };
    try {
      return await startWhenPredecessorIsGone(start);
    } catch (error) {
      if (!(error instanceof PostmasterExit)) throw error;
      if (!error.isPortTaken || request.fixedPort !== null || attempt === PORT_ATTEMPTS)
        throw cannotStart(data.path, error);
      port = await chooseFreePort();
    }
  }
}

async function firstPort({ fixedPort, log }: BringUp, { record }: DataFolder): Promise<number> {
  if (fixedPort !== null) return fixedPort;
  if (record.port !== null && (await isPortFree(record.port))) return record.port;
  const port = await chooseFreePort();
  if (record.port !== null) log(`port ${record.port} is taken; PostgreSQL now listens on ${port}`);
  return port;
}

/** The children of a server that was killed see its end and follow; until then their memory bars a new one. */
async function startWhenPredecessorIsGone(start: Parameters<typeof startPostmaster>[0]): Promise<Postmaster> {
  const deadline = performance.now() + PREDECESSOR_LIMIT_MS;
  for (;;) {
    try {
      return await startPostmaster(start);
    } catch (error) {
      const mayPass = error instanceof PostmasterExit && error.isPredecessorEnding;
      if (!mayPass || performance.now() > deadline) throw error;
      await pause(PREDECESSOR_POLL_MS);
    }
  }
}

function takenAway(folder: string): TheseusError {
  return new TheseusError('folder-in-use', `Cannot go on serving ${folder}: another Theseus server has taken it over`);
}

function cannotStart(dataFolder: string, cause: PostmasterExit): TheseusError {
  return new TheseusError(
    'postgres-unavailable',
    `Cannot start the embedded PostgreSQL on ${dataFolder}; mend this, or set DATABASE_URL:\n${errorText(cause)}`,
    { cause },
  );
}
