import { setTimeout as sleep } from 'node:timers/promises';
import { errorText, TheseusError } from '@theseus/core/error';
import type { RecordedEvent, RunView } from '@theseus/core/rollout';
import type { ApiClient } from './api-client.ts';

export type Followed =
  | { readonly kind: 'view'; readonly view: RunView }
  | { readonly kind: 'event'; readonly recorded: RecordedEvent }
  | { readonly kind: 'lost'; readonly why: string }
  | { readonly kind: 'back' };

const FIRST_RETRY_MS = 200;
const LONGEST_RETRY_MS = 5_000;
/** A stream sends a heartbeat every 10 s; one that is silent for longer is dead. */
const SILENT_MS = 30_000;
const MOST_BUFFERED = 16_777_216;

/** Follows a run for as long as the caller reads: each event once, across lost connections and restarts of the server. */
export async function* followRun(
  client: ApiClient,
  runId: string,
  after: number,
  stop: AbortSignal,
): AsyncGenerator<Followed> {
  let last = after;
  let retryMs = FIRST_RETRY_MS;
  let isLost = false;
  while (!stop.aborted) {
    const idle = new AbortController();
    try {
      const body = await client.openStream(runId, last, AbortSignal.any([stop, idle.signal]));
      if (isLost) yield { kind: 'back' };
      isLost = false;
      retryMs = FIRST_RETRY_MS;
      for await (const followed of readEvents(body, idle)) {
        if (followed.kind === 'event' && followed.recorded.seq <= last) continue;
        if (followed.kind === 'event') last = followed.recorded.seq;
        // A view may be newer than the events sent with it. Who stops at the finished view must have had them all.
        if (followed.kind === 'view' && followed.view.status === 'finished' && last < followed.view.revision) {
          for (const recorded of await client.allEvents(runId, last)) {
            last = recorded.seq;
            yield { kind: 'event', recorded };
          }
        }
        yield followed;
      }
      if (!stop.aborted) throw new Error('the server ended the stream');
    } catch (error) {
      if (stop.aborted) return;
      if (error instanceof TheseusError && error.code !== 'unreachable' && error.code !== 'database-failed')
        throw error;
      if (!isLost) yield { kind: 'lost', why: errorText(error) };
      isLost = true;
      await sleep(retryMs, undefined, { signal: stop }).catch(() => undefined);
      retryMs = Math.min(LONGEST_RETRY_MS, retryMs * 2);
    }
  }
}

async function* readEvents(
  body: ReadableStream<Uint8Array>,
  idle: AbortController,
): AsyncGenerator<Extract<Followed, { kind: 'view' | 'event' }>> {
  const decoder = new TextDecoder();
  let buffered = '';
  let timer = setTimeout(() => idle.abort(), SILENT_MS);
  try {
    for await (const chunk of body) {
      clearTimeout(timer);
      timer = setTimeout(() => idle.abort(), SILENT_MS);
      buffered += decoder.decode(chunk, { stream: true });
      if (buffered.length > MOST_BUFFERED) throw new Error('the stream sends more than it may');
      const blocks = buffered.split('\n\n');
      buffered = blocks.pop() ?? '';
      for (const block of blocks) {
        const followed = parseBlock(block);
        if (followed !== null) yield followed;
      }
    }
  } finally {
    clearTimeout(timer);
  }
}

function parseBlock(block: string): Extract<Followed, { kind: 'view' | 'event' }> | null {
  const name = /^event: (.*)$/m.exec(block)?.[1];
  const data = /^data: (.*)$/m.exec(block)?.[1];
  if (data === undefined) return null;
  if (name === 'view') return { kind: 'view', view: JSON.parse(data) as RunView };
  return name === 'event' ? { kind: 'event', recorded: JSON.parse(data) as RecordedEvent } : null;
}
