import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { TheseusError } from '@theseus/core/error';

/** A holder on another host gives a sign of life this often; without one for the longer time it counts as gone. */
const SIGN_EVERY_MS = 5_000;
const GONE_AFTER_MS = 30_000;

interface Holder {
  readonly token: string;
  readonly host: string;
  readonly pid: number;
  /** When the process began, in a form of the system's own; empty where it cannot be told. */
  readonly began: string;
}

export interface JournalLock {
  /** @throws TheseusError `folder-in-use` when another process has taken the journal over */
  check(): Promise<void>;
  release(): Promise<void>;
}

/**
 * Keeps a second process out of a journal. The lock of a process that is dead is taken over: at once on the same host, after 30 s
 * without a sign of life from another.
 *
 * @throws TheseusError `folder-in-use` when another process holds it
 */
export async function lockJournal(path: string): Promise<JournalLock> {
  const own: Holder = {
    token: randomUUID(),
    host: hostname(),
    pid: process.pid,
    began: (await beganOf(process.pid)) ?? '',
  };
  const place = `${path}.lock`;
  for (let attempt = 0; !(await tryClaim(place, own)); attempt += 1) {
    const holder = await holderOf(place);
    if (holder === undefined) continue;
    if (attempt > 10 || !(await isGone(place, holder))) throw inUse(path, holder);
    await removeStale(place, holder);
  }
  const timer = setInterval(() => void utimes(place, new Date(), new Date()).catch(() => undefined), SIGN_EVERY_MS);
  timer.unref();
  const check = async () => {
    const holder = await holderOf(place);
    if (holder?.token !== own.token) throw inUse(path, holder);
  };
  const release = async () => {
    clearInterval(timer);
    if ((await holderOf(place))?.token === own.token) await rm(place, { force: true });
  };
  return { check, release };
}

/** The file appears under its name with its content in it: nobody ever reads a lock that does not name its holder. */
async function tryClaim(place: string, own: Holder): Promise<boolean> {
  const draft = `${place}.${own.token}`;
  await writeFile(draft, JSON.stringify(own), { mode: 0o600 });
  try {
    await link(draft, place);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** Undefined when the lock is gone. One that cannot be read belongs to a host that lost power while it wrote. */
async function holderOf(place: string): Promise<Holder | undefined> {
  let text: string;
  try {
    text = await readFile(place, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const holder = JSON.parse(text) as Partial<Holder> | null;
    if (typeof holder?.token === 'string' && typeof holder.pid === 'number') {
      return { token: holder.token, pid: holder.pid, host: holder.host ?? '', began: holder.began ?? '' };
    }
  } catch {
    // Falls through.
  }
  return { token: '', host: '', pid: 0, began: '' };
}

async function isGone(place: string, holder: Holder): Promise<boolean> {
  if (holder.token === '') return true;
  if (holder.host === hostname()) return !(await isAlive(holder));
  const { mtimeMs } = await stat(place).catch(() => ({ mtimeMs: 0 }));
  return Date.now() - mtimeMs > GONE_AFTER_MS;
}

async function isAlive({ pid, began }: Holder): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const known = await beganOf(pid);
  // The system gives the ids of dead processes to new ones.
  return known === undefined || began === '' || known === began;
}

/** Field 22 of the line, thus the 20th after the name, which may itself hold spaces. Linux only. */
async function beganOf(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields?.[0] === 'Z' || fields?.[0] === 'X' ? 'dead' : fields?.[19];
}

/** Moved aside before it is looked at again: of two who find the same stale lock, one must not remove the other's new one. */
async function removeStale(place: string, stale: Holder): Promise<void> {
  const aside = `${place}.${randomUUID()}`;
  try {
    await rename(place, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if ((await holderOf(aside))?.token !== stale.token) await link(aside, place).catch(() => undefined);
  await rm(aside, { force: true });
}

function inUse(path: string, holder: Holder | undefined): TheseusError {
  const who = holder === undefined ? 'another process' : `process ${holder.pid} on ${holder.host || 'an unknown host'}`;
  return new TheseusError(
    'folder-in-use',
    `Cannot use the journal of repairs ${path}: ${who} uses it; give each process a file of its own, or remove ${path}.lock once that process has ended`,
  );
}
