import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { TheseusError } from '@theseus/core/error';

const run = promisify(execFile);

/** More files than these are not looked at in one go. */
const FILE_LIMIT = 200_000;
const LIST_BYTES = 64 * 1024 * 1024;
const PASSED_OVER = ['node_modules', '.git'];

/**
 * The files of a folder, as paths within it: those that git knows or would take in, else all.
 *
 * @throws TheseusError `not-found` where there is no such folder, `limit-exceeded` where it holds too many files
 */
export async function sourceFiles(folder: string): Promise<readonly string[]> {
  const files = (await filesOfGit(folder)) ?? (await filesBelow(folder));
  if (files.length <= FILE_LIMIT) return files;
  throw new TheseusError('limit-exceeded', `'${folder}' has more than ${FILE_LIMIT} files: name a folder within it`);
}

/** Null where the folder is in no repository, or there is no git. */
async function filesOfGit(folder: string): Promise<readonly string[] | null> {
  try {
    const args = ['-C', folder, 'ls-files', '-z', '--cached', '--others', '--exclude-standard'];
    const { stdout } = await run('git', args, { maxBuffer: LIST_BYTES });
    return [...new Set(stdout.split('\0').filter((file) => file !== ''))].sort();
  } catch {
    return null;
  }
}

async function filesBelow(folder: string): Promise<readonly string[]> {
  const files: string[] = [];
  const open = [''];
  for (let place = open.pop(); place !== undefined && files.length <= FILE_LIMIT; place = open.pop()) {
    for (const entry of await entriesOf(folder, place)) {
      const path = join(place, entry.name);
      if (entry.isDirectory() && !PASSED_OVER.includes(entry.name)) open.push(path);
      else if (entry.isFile()) files.push(path);
    }
  }
  return files.sort();
}

async function entriesOf(folder: string, place: string) {
  try {
    return await readdir(join(folder, place), { withFileTypes: true });
  } catch (error) {
    // A folder within that may not be read is passed over; the one that was named must be there.
    if (place !== '') return [];
    throw new TheseusError('not-found', `There is no folder '${folder}' to scan`, { cause: error });
  }
}
