import { errorText } from '@theseus/core/error';
import type { Reading } from '@theseus/core/health';
import type { Signal } from '@theseus/core/plan';
import { secretRequest } from '../secrets/secret-request.ts';
import { followPointer } from './json-pointer.ts';
import { noReading, valueReading } from './reading.ts';

const TIMEOUT_MS = 5_000;
const MOST_BYTES = 1_048_576;

/** Reads a number from a JSON answer. An answer that is not 2xx, not JSON or too late is an error, never a value. */
export async function readHttp(signal: Signal, url: string, pointer: string): Promise<Reading> {
  const of = { signal: signal.name, source: `http ${url}` };
  try {
    const response = await fetch(secretRequest(url, { redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) }));
    if (!response.ok) {
      await response.body?.cancel();
      return noReading(of, 'error', `the source answered HTTP ${response.status}`);
    }
    return valueReading(of, followPointer(JSON.parse(await limitedText(response)), pointer));
  } catch (error) {
    return noReading(of, 'error', `the source could not be read: ${plainReason(error)}`);
  }
}

async function limitedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > MOST_BYTES) throw new Error(`the answer is larger than ${MOST_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Node wraps what went wrong into "fetch failed"; the cause says it. */
function plainReason(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return `no answer within ${TIMEOUT_MS / 1000} s`;
  if (error instanceof Error && error.cause instanceof Error) {
    const { code } = error.cause as NodeJS.ErrnoException;
    return code ?? error.cause.message;
  }
  return errorText(error);
}
