import { constants, type FileHandle, open, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { giveToFolderOwner } from './private-file.ts';

const ROTATE_BYTES = 10 * 1024 * 1024;
const TAIL_BYTES = 4096;
const TAIL_LINES = 8;
/** Root starts in folders of others, whose links it must not follow. */
const APPENDED = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;

/** The log of PostgreSQL in a `.theseus` folder, opened for one start of it. */
export interface ServerLog {
  readonly path: string;
  readonly file: FileHandle;
  /** Where this start begins in the file. */
  readonly offset: number;
}

/** Opens `postgres.log`, moving a file of more than 10 MB to `postgres.log.1` first: two files are kept at most. */
export async function openServerLog(folder: string): Promise<ServerLog> {
  const path = join(folder, 'postgres.log');
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  if (size > ROTATE_BYTES) await rename(path, `${path}.1`);
  const file = await open(path, APPENDED, 0o600);
  await giveToFolderOwner(path);
  return { path, file, offset: size > ROTATE_BYTES ? 0 : size };
}

/** The last lines written since the log was opened. */
export async function readTail(path: string, offset: number): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const start = Math.max(offset, size - TAIL_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(TAIL_BYTES), 0, TAIL_BYTES, start);
    return buffer.subarray(0, bytesRead).toString('utf8').trim().split('\n').slice(-TAIL_LINES).join('\n');
  } finally {
    await file.close();
  }
}
