import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const NAMED_AT_MOST = 3;

/** The folder that is about to get a new staged database, and the name of that database. */
export interface Newcomer {
  readonly folder: string;
  readonly instance: string;
}

/**
 * A line about staged databases whose `.theseus` folder is gone or was made anew; null when there are none.
 * They are not removed: the folder may lie on a disk that is not mounted now.
 */
export async function describeOrphanedData(dataHome: string, newcomer: Newcomer): Promise<string | null> {
  const orphans: string[] = [];
  for (const instance of await readdir(dataHome)) {
    const home = join(dataHome, instance);
    const owner = await readFile(join(home, 'owner'), 'utf8').catch(() => null);
    if (owner === null || instance === newcomer.instance) continue;
    // Other folders that are there may be at their first start, with a database that they have not yet recorded.
    if (owner === newcomer.folder || !(await exists(owner))) orphans.push(home);
  }
  if (orphans.length === 0) return null;
  const named = orphans.slice(0, NAMED_AT_MOST).join(', ') + (orphans.length > NAMED_AT_MOST ? ', …' : '');
  return `${orphans.length} of the databases in ${dataHome} belong to folders that are gone, and may be removed: ${named}`;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
