import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { TheseusError } from '@theseus/core/error';

const run = promisify(execFile);

/** The unprivileged user under which PostgreSQL runs when Theseus itself runs as root. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/**
 * Picks the user that runs PostgreSQL, which refuses to run as root: null stands for the present user.
 *
 * `owner` is the owner of the data folder, or of the folder around it: who can already read the data goes on
 * reading them. Without such an owner it is `postgres`, then `nobody`.
 *
 * @throws TheseusError `postgres-unavailable` when Theseus runs as root and the system knows neither user.
 */
export async function chooseAccount(owner: Account | null): Promise<Account | null> {
  if (!isRoot()) return null;
  if (owner !== null && owner.uid !== 0) return owner;
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '');
  const account = ['postgres', '_postgres', 'nobody']
    .map((name) => accountInPasswd(passwd, name))
    .find((found) => found);
  if (account) return account;
  throw new TheseusError(
    'postgres-unavailable',
    'Cannot run the embedded PostgreSQL as root, and this system has neither a user postgres nor nobody to run it ' +
      'under: start Theseus as an ordinary user, or set DATABASE_URL',
  );
}

/** The entry of `name` in the text of a passwd file; null when it is missing, malformed or root in disguise. */
export function accountInPasswd(passwd: string, name: string): Account | null {
  const fields = passwd
    .split('\n')
    .map((line) => line.split(':'))
    .find((columns) => columns[0] === name);
  const uid = Number.parseInt(fields?.[2] ?? '', 10);
  const gid = Number.parseInt(fields?.[3] ?? '', 10);
  if (Number.isNaN(uid) || Number.isNaN(gid) || uid === 0) return null;
  // macOS writes the ids of nobody as -2.
  return { uid: uid >>> 0, gid: gid >>> 0 };
}

/** Spawn options that run a child as `account`, from a working directory which every user may enter. */
export function spawnOptions(account: Account | null): {
  cwd: string;
  env: NodeJS.ProcessEnv;
  uid?: number;
  gid?: number;
} {
  // A clean environment: PG* variables would change what the server does, and secrets have no business in it.
  const env = { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
  return account === null ? { cwd: '/', env } : { cwd: '/', env, uid: account.uid, gid: account.gid };
}

/**
 * Tells whether `account` may enter `folder`. It is asked by trying, since mode bits alone say nothing of
 * access lists, network file systems or mandatory access control.
 */
export async function canEnter(account: Account | null, folder: string): Promise<boolean> {
  try {
    await run('/bin/sh', ['-c', 'cd -- "$1"', 'sh', folder], { ...spawnOptions(account), timeout: 10_000 });
    return true;
  } catch {
    return false;
  }
}
