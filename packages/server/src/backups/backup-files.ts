import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { TheseusError } from '@theseus/core/error';

/** What is known of a backup once it is made. */
export interface Kept {
  readonly sha256: string;
  readonly bytes: number;
  /** Rows by table, as of the very moment of the dump. */
  readonly rows?: Readonly<Record<string, number>>;
}

/** A backup that lies where it was put, unchanged. */
export interface BackupFile extends Kept {
  readonly path: string;
}

/** Names a file so that none is ever written twice, and a person sees what it is. */
export function fileName(name: string, runId: string, ending: string, at: Date): string {
  const moment = at.toISOString().replace(/[-:]/g, '').replace('.', '-');
  return `${name}.${moment}.${runId.replace(/[^\w-]/g, '_')}.${ending}`;
}

/**
 * Has a file written under another name, and gives it its own only once it is whole, on the disk, and described: what bears a backup's
 * name is one. Both are readable for this user alone.
 */
export async function keepFile(
  folder: string,
  file: string,
  write: (path: string) => Promise<Pick<Kept, 'rows'>>,
): Promise<Kept> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, file);
  const partial = `${path}.partial`;
  try {
    await (await open(partial, 'wx', 0o600)).close();
    const more = await write(partial);
    await chmod(partial, 0o600);
    const kept = { ...(await digestOf(partial)), ...more };
    await writeWhole(`${path}.json`, `${JSON.stringify({ file, ...kept })}\n`);
    await synced(partial);
    await rename(partial, path);
    return kept;
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

/** @throws TheseusError `not-found` for a file that is not here, `corrupt-record` for one that is not as it was made */
export async function checkedFile(
  folder: string,
  { file, sha256 }: { readonly file: string; readonly sha256: string },
): Promise<BackupFile> {
  const path = join(folder, basename(file));
  const found = await digestOf(path).catch((cause: unknown) => {
    throw new TheseusError(
      'not-found',
      `Cannot read the backup ${file} in ${folder}: is it on another worker? Give all of them one folder`,
      { cause },
    );
  });
  if (found.sha256 !== sha256) {
    throw new TheseusError(
      'corrupt-record',
      `The backup ${file} has changed since it was made: its sha256 is ${found.sha256}, not ${sha256}`,
    );
  }
  return { ...found, path, ...(await rowsOf(path)) };
}

async function rowsOf(path: string): Promise<Pick<Kept, 'rows'>> {
  const described = JSON.parse(await readFile(`${path}.json`, 'utf8')) as Kept;
  return described.rows === undefined ? {} : { rows: described.rows };
}

async function digestOf(path: string): Promise<Kept> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return { sha256: hash.digest('hex'), bytes: (await stat(path)).size };
}

async function writeWhole(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function synced(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
