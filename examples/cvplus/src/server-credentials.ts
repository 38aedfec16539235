import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What the server writes into its data folder for programs on the same machine. */
export interface ServerCredentials {
  readonly url: string;
  readonly operatorToken: string;
  readonly sdkToken: string;
}

/** Null until the server has written them. */
export async function readCredentials(dataFolder: string): Promise<ServerCredentials | null> {
  try {
    const found = JSON.parse(
      await readFile(join(dataFolder, 'credentials.json'), 'utf8'),
    ) as Partial<ServerCredentials>;
    const { url, operatorToken, sdkToken } = found;
    return url && operatorToken && sdkToken ? { url, operatorToken, sdkToken } : null;
  } catch {
    return null;
  }
}
