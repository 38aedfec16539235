import { TheseusError } from '@theseus/core/error';
import { asUnreachable, DOCUMENT_LIMIT_BYTES, REQUEST_TIMEOUT_MS, type ServerApi } from '../transport/server-api.ts';
import { SseParser } from './sse-parser.ts';

/** The server speaks at least every 10 s; after three times that the line counts as dead. */
const STREAM_SILENCE_MS = 30_000;

/**
 * Reads one stream until it ends. Always settles by rejecting: with why the stream ended.
 *
 * @param signal ends the stream from our side
 */
export async function readFlagStream(
  api: ServerApi,
  signal: AbortSignal,
  onEvent: (event: string, data: string) => void,
): Promise<never> {
  const abort = new AbortController();
  const stop = () => abort.abort(signal.reason);
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  let watchdog = armed(abort, REQUEST_TIMEOUT_MS, 'did not answer');
  try {
    const response = await api.openStream(abort.signal);
    clearTimeout(watchdog);
    watchdog = armed(abort, STREAM_SILENCE_MS, 'fell silent');
    const parser = new SseParser(onEvent, DOCUMENT_LIMIT_BYTES);
    for await (const chunk of response.body) {
      watchdog.refresh();
      parser.push(chunk);
    }
    throw new TheseusError('unreachable', 'Cannot go on reading the stream of flags: the server ended it');
  } catch (error) {
    throw abort.signal.aborted ? abort.signal.reason : asUnreachable(error);
  } finally {
    clearTimeout(watchdog);
    signal.removeEventListener('abort', stop);
    abort.abort();
  }
}

function armed(abort: AbortController, limitMs: number, what: string): NodeJS.Timeout {
  const timer = setTimeout(() => {
    abort.abort(
      new TheseusError('timed-out', `Cannot go on reading the stream of flags: it ${what} for ${limitMs} ms`),
    );
  }, limitMs);
  timer.unref();
  return timer;
}
