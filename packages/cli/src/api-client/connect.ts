import { dirname, join, resolve } from 'node:path';
import { TheseusError } from '@theseus/core/error';
import { readCredentials } from '@theseus/server';
import { ApiClient } from './api-client.ts';

export interface ConnectOptions {
  readonly url?: string | undefined;
  readonly token?: string | undefined;
  /** The `.theseus` folder of a server on this machine. */
  readonly data?: string | undefined;
}

/**
 * The client for what was asked: options, then THESEUS_URL and THESEUS_TOKEN, then the server of this folder.
 *
 * @throws TheseusError `invalid-argument` for what is no address, `unauthorized` when no server or no token is known
 */
export async function connect(options: ConnectOptions): Promise<ApiClient> {
  const url = options.url ?? fromEnvironment('THESEUS_URL');
  const token = options.token ?? fromEnvironment('THESEUS_TOKEN');
  const named = url === undefined ? undefined : addressOf(url);
  if (named !== undefined && token !== undefined) return new ApiClient({ url: named, token });
  const found = await findCredentials(options.data);
  // A server that is just starting for the first time has no address yet.
  const place = named ?? (found?.url || undefined);
  // The token of this folder's server is for that server alone: it is not shown to another.
  const secret = token ?? (place === found?.url ? found?.operatorToken : undefined);
  if (place !== undefined && secret !== undefined) return new ApiClient({ url: addressOf(place), token: secret });
  throw new TheseusError(
    'unauthorized',
    place === undefined
      ? "No server is known here: start one with 'theseus serve' in this folder, or set THESEUS_URL and THESEUS_TOKEN"
      : 'A token is needed: set THESEUS_TOKEN to the operator token that the server showed at its first start',
  );
}

/** What is set to nothing is not set. */
function fromEnvironment(name: string): string | undefined {
  return process.env[name] || undefined;
}

function addressOf(url: string): string {
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
    throw new TheseusError(
      'invalid-argument',
      `'${url}' is not the address of a server: write it as http://127.0.0.1:4400`,
    );
  }
  return url.replace(/\/+$/, '');
}

/** The credentials of this folder's server, or of a folder above it. */
async function findCredentials(data: string | undefined) {
  if (data !== undefined) return readCredentials(resolve(data));
  for (let folder = process.cwd(); ; folder = dirname(folder)) {
    const found = await readCredentials(join(folder, '.theseus'));
    if (found !== null) return found;
    if (dirname(folder) === folder) return null;
  }
}
