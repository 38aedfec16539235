import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { errorText, TheseusError } from '@theseus/core/error';
import { secretRequest } from '../secrets/secret-request.ts';
import { type Kept, keepFile } from './backup-files.ts';
import type { BackupWork } from './backup-work.ts';

/**
 * Keeps what an address answers, streamed to a file.
 *
 * @throws TheseusError `unreachable` for no answer, one that is not 2xx, or one that breaks off; never with the address filled in
 */
export function exportOverHttp({ folder, fillSecrets, signal }: BackupWork, url: string, file: string): Promise<Kept> {
  return keepFile(folder, file, async (path) => {
    const response = await fetch(secretRequest(url, { signal, redirect: 'error' }, fillSecrets)).catch(
      (error: unknown) => {
        throw broken(
          url,
          error instanceof Error && error.cause !== undefined ? errorText(error.cause) : errorText(error),
        );
      },
    );
    if (!response.ok || response.body === null) throw broken(url, `it answered ${response.status}`);
    const body = Readable.fromWeb(response.body as ReadableStream);
    await pipeline(body, createWriteStream(path, { flags: 'w', mode: 0o600 }), { signal }).catch((error: unknown) => {
      throw broken(url, `the answer broke off: ${errorText(error)}`);
    });
    return {};
  });
}

function broken(url: string, why: string): TheseusError {
  return new TheseusError('unreachable', `Cannot export from ${url}: ${why}`);
}
