import type { Reading } from '@theseus/core/health';
import type { Signal } from '@theseus/core/plan';
import type { FillSecrets } from '../secrets/fill-secrets.ts';
import { secretRequest } from '../secrets/secret-request.ts';
import { limitedText, plainReason } from './http-answer.ts';
import { followPointer } from './json-pointer.ts';
import { noReading, valueReading } from './reading.ts';

const TIMEOUT_MS = 5_000;

/** Reads a number from a JSON answer. An answer that is not 2xx, not JSON or too late is an error, never a value. */
export async function readHttp(
  signal: Signal,
  { url, pointer }: { readonly url: string; readonly pointer: string },
  fill: FillSecrets,
): Promise<Reading> {
  const of = { signal: signal.name, source: `http ${url}`, ...(pointer === '' ? {} : { query: pointer }) };
  try {
    const init = { redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) } as const;
    const response = await fetch(secretRequest(url, init, fill));
    if (!response.ok) {
      await response.body?.cancel();
      return noReading(of, 'error', `the source answered HTTP ${response.status}`);
    }
    return valueReading(of, followPointer(JSON.parse(await limitedText(response)), pointer));
  } catch (error) {
    return noReading(of, 'error', `the source could not be read: ${plainReason(error, TIMEOUT_MS)}`);
  }
}
