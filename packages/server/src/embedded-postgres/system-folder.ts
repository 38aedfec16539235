import { chmod, lstat, mkdir } from 'node:fs/promises';
import { TheseusError } from '@theseus/core/error';
import { type Account, canEnter } from './account.ts';

/** Where root places what the unprivileged PostgreSQL must reach, best first. */
export const SYSTEM_FOLDERS: readonly string[] = ['/var/lib/theseus', '/var/tmp/theseus-root'];

/**
 * The first of `candidates` that can be made, is safe and can be entered by `account`.
 *
 * @throws TheseusError `postgres-unavailable` when none is.
 */
export async function chooseSystemFolder(candidates: readonly string[], account: Account): Promise<string> {
  for (const path of candidates) {
    if ((await isOurs(path)) && (await canEnter(account, path))) return path;
  }
  throw new TheseusError(
    'postgres-unavailable',
    `Cannot place the embedded PostgreSQL where user ${account.uid} can reach it: none of ${candidates.join(', ')} is a ` +
      'folder that root owns and only root may write; mend one, start Theseus as an ordinary user, or set DATABASE_URL',
  );
}

/** A name in /var/tmp may have been taken by anybody: a folder that others own or may write is not used. */
async function isOurs(path: string): Promise<boolean> {
  try {
    await mkdir(path, { mode: 0o755 });
    await chmod(path, 0o755);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return false;
  }
  const found = await lstat(path).catch(() => null);
  return found?.isDirectory() === true && found.uid === process.getuid?.() && (found.mode & 0o022) === 0;
}
