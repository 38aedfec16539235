import { randomBytes } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { TheseusError } from '@theseus/core/error';
import { giveToFolderOwner } from './private-file.ts';
import { isSameProcessAlive, ownIdentity, type ProcessIdentity } from './process-identity.ts';

const POLL_MS = 40;
const WAIT_LIMIT_MS = 150_000;

interface Claim extends ProcessIdentity {
  readonly token: string;
}

/**
 * Holds the folder while PostgreSQL is initialised or started in it, so that two starts never do that at once.
 * A lock whose process is dead is taken over. Returns the function that releases it.
 *
 * @throws TheseusError `folder-in-use` when another process has been starting for longer than the wait limit.
 */
export async function takeStartLock(folder: string, waitLimitMs = WAIT_LIMIT_MS): Promise<() => Promise<void>> {
  const path = join(folder, 'start.lock');
  const claim: Claim = { ...(await ownIdentity()), token: randomBytes(12).toString('hex') };
  const deadline = performance.now() + waitLimitMs;
  while (!(await tryClaim(path, claim))) {
    const holder = await readClaim(path);
    if (holder !== null && !(await isSameProcessAlive(holder))) {
      await removeStale(path, holder);
      continue;
    }
    if (performance.now() > deadline) throw stillStarting(folder, holder);
    await pause(POLL_MS);
  }
  return () => release(path, claim);
}

/** The file appears under its name with its content in it: nobody ever reads a lock that does not name its holder. */
async function tryClaim(path: string, claim: Claim): Promise<boolean> {
  const own = `${path}.${claim.token}`;
  await writeFile(own, JSON.stringify(claim), { mode: 0o600 });
  try {
    await giveToFolderOwner(own);
    await link(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(own, { force: true });
  }
}

/** Null when the lock is gone. An unreadable lock counts as that of a dead process. */
async function readClaim(path: string): Promise<Claim | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    const value = JSON.parse(text) as Partial<Claim>;
    if (typeof value.pid === 'number' && typeof value.began === 'string' && typeof value.token === 'string') {
      return { pid: value.pid, began: value.began, token: value.token };
    }
  } catch {
    // Falls through: a torn file after a power cut.
  }
  return { pid: 2 ** 31, began: '', token: '' };
}

/**
 * Renaming is what decides between two processes that both saw the dead holder. Who finds that it moved a living
 * lock instead puts it back.
 */
async function removeStale(path: string, stale: Claim): Promise<void> {
  const aside = `${path}.stale-${randomBytes(6).toString('hex')}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const moved = await readClaim(aside);
  if (moved !== null && moved.token !== stale.token) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
}

async function release(path: string, claim: Claim): Promise<void> {
  const holder = await readClaim(path);
  if (holder?.token === claim.token) await rm(path, { force: true });
}

function stillStarting(folder: string, holder: Claim | null): TheseusError {
  const who = holder === null ? 'another process' : `process ${holder.pid}`;
  return new TheseusError(
    'folder-in-use',
    `Cannot use ${folder}: ${who} is still starting PostgreSQL in it; wait for it or stop it, or start in another folder`,
  );
}
