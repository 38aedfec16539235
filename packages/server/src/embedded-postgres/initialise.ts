import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { errorText, TheseusError } from '@theseus/core/error';
import { spawnOptions } from './account.ts';
import { completeDataFolder, type DataFolder, removeUnfinished, UNFINISHED_PREFIX } from './data-folder.ts';
import { createPassword } from './folder-record.ts';

const run = promisify(execFile);
const INITDB_LIMIT_MS = 120_000;
const OUTPUT_LINES = 6;

/**
 * Makes a new database cluster. It is built under another name and renamed when it is whole, so that an
 * initialisation that was cut off is never mistaken for a database, nor a database for its remains.
 *
 * @throws TheseusError `postgres-unavailable` with the last lines that initdb wrote.
 */
export async function initialiseDataFolder(folder: string, data: DataFolder, initdb: string): Promise<void> {
  const parent = dirname(data.path);
  await removeUnfinished(parent);
  const workplace = join(parent, `${UNFINISHED_PREFIX}${randomBytes(6).toString('hex')}`);
  try {
    const files = await layOut(workplace, data, await createPassword(folder));
    await runInitdb(initdb, files, data);
    // Root renames across the parents; the account owns what is inside.
    await completeDataFolder(files.cluster, data.path);
    if (data.account) await chown(join(data.path, 'theseus-complete'), data.account.uid, data.account.gid);
  } catch (error) {
    if (error instanceof TheseusError) throw error;
    throw failed(data.path, errorText(error), error);
  } finally {
    await rm(workplace, { recursive: true, force: true, maxRetries: 3 });
  }
}

interface Files {
  readonly cluster: string;
  readonly passwordFile: string;
}

/** The account must be able to read the password once; a file does that with the password on no command line. */
async function layOut(workplace: string, { account }: DataFolder, password: string): Promise<Files> {
  const files = { cluster: join(workplace, 'cluster'), passwordFile: join(workplace, 'password') };
  await mkdir(workplace, { mode: 0o700 });
  await mkdir(files.cluster, { mode: 0o700 });
  await writeFile(files.passwordFile, `${password}\n`, { mode: 0o600, flag: 'wx' });
  if (account !== null) {
    for (const path of [files.cluster, files.passwordFile, workplace]) await chown(path, account.uid, account.gid);
  }
  return files;
}

async function runInitdb(
  initdb: string,
  { cluster, passwordFile }: Files,
  { account, path }: DataFolder,
): Promise<void> {
  const args = [
    `--pgdata=${cluster}`,
    '--username=theseus',
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale-provider=libc',
    '--locale=C',
    '--no-instructions',
  ];
  try {
    await run(initdb, args, { ...spawnOptions(account), timeout: INITDB_LIMIT_MS, maxBuffer: 4 * 1024 * 1024 });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    const output = `${stdout}\n${stderr}`.split('\n').filter((line) => line.trim() !== '');
    throw failed(path, output.slice(-OUTPUT_LINES).join('\n') || errorText(error), error);
  }
}

function failed(path: string, reason: string, cause: unknown): TheseusError {
  return new TheseusError(
    'postgres-unavailable',
    `Cannot initialise a database in ${path}; mend this, or set DATABASE_URL:\n${reason}`,
    { cause },
  );
}
