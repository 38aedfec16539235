import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorText, TheseusError } from '@theseus/core/error';
import { writePrivateFile } from './private-file.ts';

/** What a `.theseus` folder remembers of its PostgreSQL, in `postgres.json`. */
export interface FolderRecord {
  /** Names this database among all that are kept outside their folders. */
  readonly instance: string;
  readonly port: number | null;
  /** The data folder when it had to be placed outside `.theseus`; null when it is `.theseus/postgres`. */
  readonly stagedData: string | null;
}

/**
 * Reads the record; a folder without one gets a new instance id.
 *
 * @throws TheseusError `corrupt-record` when the file is not what was written.
 */
export async function readFolderRecord(folder: string): Promise<FolderRecord> {
  const path = join(folder, 'postgres.json');
  const text = await readText(path);
  if (text === null) return { instance: newInstance(), port: null, stagedData: null };
  try {
    return parseRecord(JSON.parse(text));
  } catch (error) {
    throw new TheseusError(
      'corrupt-record',
      `Cannot read ${path} (${errorText(error)}): restore the file, or remove ${folder} to begin with an empty database`,
      { cause: error },
    );
  }
}

export function newInstance(): string {
  return randomBytes(16).toString('hex');
}

export async function writeFolderRecord(folder: string, record: FolderRecord): Promise<void> {
  await writePrivateFile(join(folder, 'postgres.json'), `${JSON.stringify(record, null, 2)}\n`);
}

function parseRecord(value: unknown): FolderRecord {
  const { instance, port, stagedData } = (value ?? {}) as Record<string, unknown>;
  if (typeof instance !== 'string' || !/^[0-9a-f]{32}$/.test(instance))
    throw new Error('instance is not 32 hex digits');
  const isPort = Number.isInteger(port) && Number(port) > 0 && Number(port) < 65_536;
  if (port !== null && !isPort) throw new Error('port is not a port');
  if (stagedData !== null && typeof stagedData !== 'string') throw new Error('stagedData is not a path');
  return { instance, port: port === null ? null : Number(port), stagedData };
}

const PASSWORD_FILE = 'postgres-password';

/** Writes a new random password for a database that is about to be initialised. Its letters need no escaping in a URL. */
export async function createPassword(folder: string): Promise<string> {
  const password = randomBytes(32).toString('base64url');
  await writePrivateFile(join(folder, PASSWORD_FILE), `${password}\n`);
  return password;
}

/** @throws TheseusError `corrupt-record` when the file is missing although the database exists. */
export async function readPassword(folder: string): Promise<string> {
  const password = (await readText(join(folder, PASSWORD_FILE)))?.trim();
  if (password) return password;
  throw new TheseusError(
    'corrupt-record',
    `Cannot open the database of ${folder}: its file ${PASSWORD_FILE} is missing or empty; restore it, or remove ` +
      `${folder} to begin with an empty database`,
  );
}

async function readText(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
