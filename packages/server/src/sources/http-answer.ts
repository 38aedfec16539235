import { errorText } from '@theseus/core/error';

const MOST_BYTES = 1_048_576;

/** The text of an answer, read no further than a source has any reason to go. */
export async function limitedText(response: Response, mostBytes: number = MOST_BYTES): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > mostBytes) throw new Error(`the answer is larger than ${mostBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** What went wrong, in words; Node wraps it into "fetch failed", and the cause says it. */
export function plainReason(error: unknown, timeoutMs: number): string {
  if (error instanceof Error && error.name === 'TimeoutError') return `no answer within ${timeoutMs / 1000} s`;
  if (error instanceof Error && error.cause instanceof Error) {
    const { code } = error.cause as NodeJS.ErrnoException;
    return code ?? error.cause.message;
  }
  return errorText(error);
}
