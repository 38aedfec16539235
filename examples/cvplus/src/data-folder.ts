import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import process from 'node:process';

/** A fresh folder for one run of the demo: the data of its Theseus server, its logs and its backups. */
export interface DataFolder {
  readonly path: string;
  readonly logs: string;
  readonly backups: string;
  /** Where the front keeps the flags it knew last. */
  readonly cache: string;
}

const NAME = /^demo-(\d+)$/;
const OWNER_FILE = 'demo.pid';
const KEEP_FILE = 'keep';
const TRIES = 20;

/**
 * Makes the next `demo-<n>` under the first of the parents that can be written, and removes what earlier runs left there,
 * except folders that somebody asked to keep and those of demos that still run.
 */
export async function createDataFolder(
  parents: readonly string[],
  options: { readonly keep: boolean },
): Promise<DataFolder> {
  let problem: unknown;
  for (const parent of parents) {
    try {
      await mkdir(parent, { recursive: true });
      await refuseOthersFolder(parent);
      const path = await makeNext(parent);
      await writeFile(join(path, OWNER_FILE), `${process.pid}\n`);
      if (options.keep) await writeFile(join(path, KEEP_FILE), '');
      await removeEarlier(parent, basename(path));
      const folder = { path, logs: join(path, 'logs'), backups: join(path, 'backups'), cache: join(path, 'front') };
      for (const inner of [folder.logs, folder.backups, folder.cache]) await mkdir(inner);
      return folder;
    } catch (error) {
      problem = error;
    }
  }
  throw new Error(`no folder for the demo's data could be made in ${parents.join(' or ')}`, { cause: problem });
}

/** The example's own folder, and the system's for temporary files where that cannot be written. */
export function defaultParents(exampleFolder: string): readonly string[] {
  return [join(exampleFolder, '.theseus'), join(tmpdir(), `theseus-demo-${process.getuid?.() ?? 'user'}`)];
}

const STICKY = 0o1000;

/** Where anybody may make folders, as in /tmp, one of this name may be somebody else's trap. */
async function refuseOthersFolder(parent: string): Promise<void> {
  const isShared = ((await stat(dirname(parent))).mode & STICKY) !== 0;
  if (isShared && (await stat(parent)).uid !== process.getuid?.())
    throw new Error(`${parent} belongs to somebody else`);
}

async function makeNext(parent: string): Promise<string> {
  const numbers = (await readdir(parent)).map((name) => Number(NAME.exec(name)?.[1] ?? 0));
  const first = Math.max(0, ...numbers) + 1;
  for (let number = first; number < first + TRIES; number += 1) {
    const path = join(parent, `demo-${number}`);
    try {
      await mkdir(path);
      return path;
    } catch (error) {
      // Another demo that starts at the same moment took the number.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
  throw new Error(`no free name in ${parent}`);
}

async function removeEarlier(parent: string, current: string): Promise<void> {
  for (const name of await readdir(parent)) {
    if (!NAME.test(name) || name === current) continue;
    const path = join(parent, name);
    if ((await isKept(path)) || (await isInUse(path))) continue;
    // What belongs to somebody else stays: it is in nobody's way.
    await removeStagedDatabase(path).catch(() => undefined);
    await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
}

async function isKept(path: string): Promise<boolean> {
  return (await readdir(path).catch(() => [KEEP_FILE])).includes(KEEP_FILE);
}

async function isInUse(path: string): Promise<boolean> {
  const pid = Number(await readFile(join(path, OWNER_FILE), 'utf8').catch(() => '0'));
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Root's PostgreSQL may keep its files elsewhere; they go only where both sides say that they belong together. */
async function removeStagedDatabase(path: string): Promise<void> {
  const record = JSON.parse(await readFile(join(path, 'postgres.json'), 'utf8')) as Readonly<Record<string, unknown>>;
  const { instance, stagedData } = record;
  if (typeof instance !== 'string' || !/^[0-9a-f]{32}$/.test(instance) || typeof stagedData !== 'string') return;
  const home = dirname(stagedData);
  if (basename(home) !== instance || (await readFile(join(home, 'owner'), 'utf8')) !== path) return;
  await rm(home, { recursive: true, force: true });
}
