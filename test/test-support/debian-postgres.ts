import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { chmod, chown, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';

const run = promisify(execFile);
const DEBIAN = '/usr/lib/postgresql';
const TOOLS = ['initdb', 'pg_ctl', 'pg_dump', 'pg_restore', 'postgres'];

/** A folder with PostgreSQL's server and its own tools of one version; the embedded one has no tools. */
export const POSTGRES_FOLDER = [
  ...(existsSync(DEBIAN) ? readdirSync(DEBIAN).map((version) => join(DEBIAN, version, 'bin')) : []),
  ...(process.env['PATH'] ?? '').split(delimiter),
].find((folder) => TOOLS.every((tool) => existsSync(join(folder, tool))));

export interface DebianPostgres {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts a server of the system's own PostgreSQL, with a password, in a folder that is gone when it stops. */
export async function debianPostgres(bin: string, password: string): Promise<DebianPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'theseus-debian-'));
  const account = process.getuid?.() === 0 ? await accountOf('postgres') : undefined;
  if (account !== undefined) await chown(folder, account.uid, account.gid);
  await chmod(folder, 0o700);
  const [data, port] = [join(folder, 'data'), await freePort()];
  const options = { ...account, cwd: '/', env: { PATH: process.env['PATH'], LC_ALL: 'C' } };
  await run(join(bin, 'initdb'), ['-D', data, '-U', 'keeper', '--auth=trust', '-E', 'UTF8', '--no-sync'], options);
  const server = `-p ${port} -k '' -h 127.0.0.1 -c fsync=off`;
  await run(join(bin, 'pg_ctl'), ['-D', data, '-w', '-l', join(folder, 'log'), '-o', server, 'start'], options);
  return {
    url: `postgres://keeper:${password}@127.0.0.1:${port}/postgres`,
    stop: async () => {
      await run(join(bin, 'pg_ctl'), ['-D', data, '-m', 'immediate', 'stop'], options);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function accountOf(name: string): Promise<{ readonly uid: number; readonly gid: number }> {
  const line = (await readFile('/etc/passwd', 'utf8')).split('\n').find((one) => one.startsWith(`${name}:`));
  const [, , uid, gid] = (line ?? '').split(':');
  if (uid === undefined || gid === undefined) throw new Error(`there is no user ${name} to run PostgreSQL`);
  return { uid: Number(uid), gid: Number(gid) };
}
