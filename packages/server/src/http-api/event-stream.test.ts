import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type EventStream, formatEvent, openEventStream } from './event-stream.ts';

const CHUNK = formatEvent('patch', { filler: 'x'.repeat(65_000) });
/** What the kernel may hold for both sides of a connection, besides what the stream holds itself. */
const KERNEL_BYTES = 16 * 1_048_576;

interface Opened {
  readonly stream: EventStream;
  readonly onClose: ReturnType<typeof vi.fn<() => void>>;
  unread(): number;
}

let server: Server;
const opened: Opened[] = [];

beforeEach(async () => {
  opened.length = 0;
  server = createServer((_request, response) => {
    const onClose = vi.fn<() => void>();
    opened.push({ stream: openEventStream(response, onClose), onClose, unread: () => response.writableLength });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(() => {
  vi.useRealTimers();
  server.closeAllConnections();
  server.close();
});

/** A client that asks, and reads as it pleases. */
async function client(): Promise<{ readonly socket: Socket; readonly opened: Opened }> {
  const before = opened.length;
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
  const reached = opened[before] ?? (await vi.waitUntil(() => opened[before]));
  return { socket, opened: reached };
}

describe('openEventStream()', () => {
  it('cuts off a client that does not read, holds little for it until then, and hurts no other', async () => {
    const slow = await client();
    const quick = await client();
    let received = 0;
    quick.socket.on('data', (data) => {
      received += data.length;
    });
    let sent = 0;
    let mostUnread = 0;
    while (slow.opened.onClose.mock.calls.length === 0) {
      for (const { stream } of [slow.opened, quick.opened]) stream.send(CHUNK);
      sent += CHUNK.length;
      mostUnread = Math.max(mostUnread, slow.opened.unread());
      expect(sent).toBeLessThan(4 * KERNEL_BYTES);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(mostUnread).toBeLessThan(1_048_576 + 3 * CHUNK.length);
    await vi.waitUntil(() => received >= sent);
    expect(quick.opened.onClose).not.toHaveBeenCalled();
    expect(slow.opened.onClose).toHaveBeenCalledOnce();
    slow.opened.stream.send(CHUNK);
    quick.socket.destroy();
  });

  it('leaves alone a client that takes its time over one event larger than the limit', async () => {
    const patient = await client();
    patient.socket.pause();
    patient.opened.stream.send(formatEvent('put', { filler: 'x'.repeat(20 * 1_048_576) }));
    for (let patch = 0; patch < 5; patch += 1) patient.opened.stream.send(CHUNK);
    expect(patient.opened.unread()).toBeGreaterThan(1_048_576);
    let received = 0;
    patient.socket.on('data', (data) => {
      received += data.length;
    });
    patient.socket.resume();
    await vi.waitUntil(() => received > 20 * 1_048_576 + 5 * 65_000, { timeout: 8_000 });
    expect(patient.opened.onClose).not.toHaveBeenCalled();
    patient.socket.destroy();
  });

  it('tells once that the client has gone, and writes no more', async () => {
    const { socket, opened: gone } = await client();
    socket.destroy();
    await vi.waitUntil(() => gone.onClose.mock.calls.length > 0);
    gone.stream.send(CHUNK);
    gone.stream.close();
    expect(gone.onClose).toHaveBeenCalledOnce();
  });

  it('ends for a client that had left before it was opened', async () => {
    const onClose = vi.fn<() => void>();
    const left = new Promise<ServerResponse>((resolve) => {
      server.removeAllListeners('request');
      server.on('request', (_request, response) => response.on('close', () => resolve(response)));
    });
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    server.once('request', () => socket.destroy());
    socket.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
    const stream = openEventStream(await left, onClose);
    expect(onClose).not.toHaveBeenCalled();
    await vi.waitUntil(() => onClose.mock.calls.length > 0);
    stream.close();
    expect(onClose).toHaveBeenCalledOnce();
  });

  it('ends at once for whoever asks for the head alone, and leaves the connection to the next request', async () => {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    for (const method of ['HEAD', 'GET']) socket.write(`${method} / HTTP/1.1\r\nhost: localhost\r\n\r\n`);
    await vi.waitUntil(() => opened.length === 2);
    expect(opened[0]?.onClose).toHaveBeenCalledOnce();
    expect(opened[1]?.onClose).not.toHaveBeenCalled();
    socket.destroy();
  });

  it('sends a heartbeat while nothing happens', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const { socket } = await client();
    let text = '';
    socket.on('data', (data) => {
      text += data.toString();
    });
    vi.advanceTimersByTime(10_000);
    while (!text.includes(': ping\n\n')) await once(socket, 'data');
    expect(text).toContain('content-type: text/event-stream');
    socket.destroy();
  });
});
