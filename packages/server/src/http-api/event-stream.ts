import type { ServerResponse } from 'node:http';

/**
 * A client that has not read this much besides the largest event it was sent is cut off, so that a slow one cannot fill the
 * server's memory. All the flags at once may be larger, and whoever takes its time over them is not slow.
 */
const MOST_UNREAD_BYTES = 1_048_576;
const HEARTBEAT_MS = 10_000;
const PING = Buffer.from(': ping\n\n');

/** One open connection of server-sent events. */
export interface EventStream {
  send(chunk: Buffer): void;
  /** Resolves when the client has taken what was sent, or has gone: whoever has much to send waits for it. */
  drained(): Promise<void>;
  close(): void;
}

export function formatEvent(event: string, data: unknown, id?: number): Buffer {
  const head = id === undefined ? `event: ${event}\n` : `event: ${event}\nid: ${id}\n`;
  return Buffer.from(`${head}data: ${JSON.stringify(data)}\n\n`);
}

/** Turns a response into a stream of events with heartbeats. `onClose` is called once, however it ends. */
export function openEventStream(
  outgoing: ServerResponse,
  onClose: () => void,
  headers: Readonly<Record<string, string>> = {},
): EventStream {
  outgoing.writeHead(200, {
    ...headers,
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
    'x-content-type-options': 'nosniff',
  });
  outgoing.flushHeaders();
  outgoing.socket?.setNoDelay(true);
  let largestBytes = 0;
  const send = (chunk: Buffer): void => {
    largestBytes = Math.max(largestBytes, chunk.byteLength);
    if (outgoing.writableEnded || outgoing.destroyed) return;
    if (outgoing.writableLength > MOST_UNREAD_BYTES + largestBytes) outgoing.destroy();
    else outgoing.write(chunk);
  };
  // Heartbeats of many clients are spread by the moment each connected.
  const heartbeat = setInterval(() => send(PING), HEARTBEAT_MS);
  let closed = false;
  const closeOnce = (): void => {
    if (closed) return;
    closed = true;
    clearInterval(heartbeat);
    onClose();
  };
  outgoing.on('close', closeOnce);
  outgoing.on('error', closeOnce);
  // Who asks for the head alone would wait for ever with its next request on the connection.
  if (outgoing.req.method === 'HEAD') outgoing.end();
  // A client that left while its request was looked at says so no more. Told later, when the caller has its stream.
  if (outgoing.closed) queueMicrotask(closeOnce);
  return {
    send,
    drained: () => drained(outgoing),
    close: () => {
      closeOnce();
      outgoing.end();
    },
  };
}

function drained(outgoing: ServerResponse): Promise<void> {
  if (!outgoing.writableNeedDrain) return Promise.resolve();
  return new Promise((resolve) => {
    const settle = (): void => {
      outgoing.off('drain', settle);
      outgoing.off('close', settle);
      resolve();
    };
    outgoing.on('drain', settle);
    outgoing.on('close', settle);
  });
}
