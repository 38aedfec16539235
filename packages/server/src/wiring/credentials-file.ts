import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writePrivateFile } from '../embedded-postgres/private-file.ts';

/** What the command line on the same machine needs to reach this server. Readable by its owner only. */
export interface Credentials {
  readonly url: string;
  readonly operatorToken?: string;
  readonly sdkToken?: string;
}

const NAME = 'credentials.json';

export async function readCredentials(folder: string): Promise<Credentials | null> {
  try {
    return JSON.parse(await readFile(join(folder, NAME), 'utf8')) as Credentials;
  } catch {
    return null;
  }
}

/** Written durably, and so that nobody ever reads half of it. */
export async function writeCredentials(folder: string, credentials: Credentials): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writePrivateFile(join(folder, NAME), `${JSON.stringify(credentials, null, 2)}\n`);
}
