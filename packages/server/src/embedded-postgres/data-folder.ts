import { chmod, lchown, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { TheseusError } from '@theseus/core/error';
import { type Account, canEnter, chooseAccount, isRoot } from './account.ts';
import { type FolderRecord, newInstance, readFolderRecord } from './folder-record.ts';
import { describeOrphanedData } from './orphaned-data.ts';
import { syncFolder, writePrivateFile } from './private-file.ts';
import { chooseSystemFolder } from './system-folder.ts';

/** Lies in the data folder once initdb has succeeded. */
export const COMPLETE_MARKER = 'theseus-complete';

export interface DataFolder {
  readonly path: string;
  readonly account: Account | null;
  readonly record: FolderRecord;
  /** False until it is initialised: then `path` does not exist yet, but its parent does. */
  readonly complete: boolean;
}

/**
 * Finds the database of a `.theseus` folder, or the place for a new one: in the folder itself, or in a system folder
 * when root starts it and the user that runs PostgreSQL may not enter the folder.
 *
 * @throws TheseusError `postgres-unavailable` when the data are there but cannot be used.
 */
export async function locateDataFolder(
  folder: string,
  systemFolders: readonly string[],
  log: (message: string) => void,
): Promise<DataFolder> {
  const record = await readFolderRecord(folder);
  if (record.stagedData !== null) {
    if (await ownsStagedData(folder, record)) return openExisting(record.stagedData, record);
    log(`${folder} is a copy of a folder that is still there; it gets a new, empty database of its own`);
    return locateNew(folder, freshRecord(record), { systemFolders, log });
  }
  const inside = join(folder, 'postgres');
  if (await isMarked(inside)) return openExisting(inside, record);
  await refuseForeignData(inside);
  return locateNew(folder, record, { systemFolders, log });
}

async function openExisting(path: string, record: FolderRecord): Promise<DataFolder> {
  const { uid, gid } = await stat(path);
  const account = await chooseAccount({ uid, gid });
  if (account === null && uid !== process.getuid?.()) {
    throw unusable(path, `belongs to user ${uid}: start Theseus as that user or as root`);
  }
  // A checkout that was given to root as a whole still holds a database that root may not run.
  if (account !== null && uid === 0) await giveTo(path, account);
  if (account !== null && !(await canEnter(account, path))) {
    throw unusable(
      path,
      `cannot be entered by user ${account.uid}, whose database it is: let that user through its parents`,
    );
  }
  return { path, account, record, complete: true };
}

interface Surroundings {
  readonly systemFolders: readonly string[];
  readonly log: (message: string) => void;
}

async function locateNew(
  folder: string,
  record: FolderRecord,
  { systemFolders, log }: Surroundings,
): Promise<DataFolder> {
  const account = await chooseAccount(await stat(folder));
  if (account === null || (await canEnter(account, folder))) {
    return { path: join(folder, 'postgres'), account, record, complete: false };
  }
  const home = join(await chooseSystemFolder(systemFolders, account), 'data', record.instance);
  await mkdir(home, { recursive: true });
  // Whatever the umask: enough to pass through, too little to look around.
  for (const passage of [dirname(home), home]) await chmod(passage, 0o711);
  await writePrivateFile(join(home, 'owner'), folder);
  const orphans = await describeOrphanedData(dirname(home), { folder, instance: record.instance });
  if (orphans !== null) log(orphans);
  const path = join(home, 'postgres');
  // A crash between the last step of initialising and the record of it leaves a finished database to go on with.
  return { path, account, record, complete: await isMarked(path) };
}

/**
 * Whether the staged data are this folder's: they go along when the folder moves, but a copy does not get them.
 */
async function ownsStagedData(folder: string, record: FolderRecord): Promise<boolean> {
  const data = record.stagedData ?? '';
  if (!(await isMarked(data))) {
    throw new TheseusError(
      'postgres-unavailable',
      `Cannot find the database of ${folder}: it was kept in ${data}, which is gone or unreadable; bring it back, or ` +
        `remove ${folder} to begin with an empty one`,
    );
  }
  const ownerFile = join(dirname(data), 'owner');
  const owner = await readFile(ownerFile, 'utf8').catch(() => folder);
  if (owner === folder) return true;
  const other = await readFolderRecord(owner).catch(() => null);
  if (other?.instance === record.instance && !(await isSameFolder(owner, folder))) return false;
  await writePrivateFile(ownerFile, folder);
  return true;
}

async function isSameFolder(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([stat(one), stat(other)]);
  return a.dev === b.dev && a.ino === b.ino;
}

function freshRecord(copied: FolderRecord): FolderRecord {
  return { ...copied, instance: newInstance(), port: null, stagedData: null };
}

async function isMarked(path: string): Promise<boolean> {
  return stat(join(path, COMPLETE_MARKER)).then(
    () => true,
    () => false,
  );
}

/** Removes nothing: whatever holds data without our marker is for a person to judge. */
async function refuseForeignData(path: string): Promise<void> {
  const entries = await readdir(path).catch(() => []);
  if (entries.length === 0) return;
  throw unusable(path, 'holds files that Theseus did not finish writing: move it away');
}

/** Marks a freshly initialised folder and gives it its name, both surviving a power cut. */
export async function completeDataFolder(initialised: string, path: string): Promise<void> {
  const marker = await open(join(initialised, COMPLETE_MARKER), 'w', 0o600);
  await marker.sync();
  await marker.close();
  await syncFolder(initialised);
  // An empty folder of this name is replaced; one with anything in it is not.
  await rename(initialised, path);
  await syncFolder(dirname(path));
}

/** Removes what initialisations that were cut off left behind; nothing under the name of a finished database. */
export async function removeUnfinished(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    if (name.startsWith(UNFINISHED_PREFIX))
      await rm(join(parent, name), { recursive: true, force: true, maxRetries: 3 });
  }
}

export const UNFINISHED_PREFIX = 'postgres.unfinished-';

async function giveTo(path: string, account: Account): Promise<void> {
  if (!isRoot()) return;
  await lchown(path, account.uid, account.gid);
  const entries = await readdir(path, { withFileTypes: true });
  for (const entry of entries) {
    if (entry.isDirectory()) await giveTo(join(path, entry.name), account);
    else await lchown(join(path, entry.name), account.uid, account.gid);
  }
}

function unusable(path: string, reason: string): TheseusError {
  return new TheseusError(
    'postgres-unavailable',
    `Cannot use the data folder ${path}: it ${reason}, or set DATABASE_URL`,
  );
}
