import { connect, type Socket } from 'node:net';
import { createTheseus, type TheseusClient } from '@theseus/sdk';

/** What the bench tells a process that holds connections. */
export interface Open {
  readonly url: string;
  readonly token: string;
  readonly count: number;
  /** Whole SDK clients, or bare sockets that read the stream. */
  readonly kind: 'sdk' | 'socket';
}

/** What it hears back: that all are open, or when each of them had a change, in microseconds of the machine's clock. */
export type Told = { readonly kind: 'open' } | { readonly kind: 'changed'; readonly at: readonly number[] };

const AT_ONCE = 50;
const EVENT = /^event: (put|patch)$/gm;

const now = (): number => Number(process.hrtime.bigint() / 1_000n);
const tell = (told: Told): void => void process.send?.(told);

let heard: number[] = [];
let expected = 0;

function changed(): void {
  heard.push(now());
  if (heard.length < expected) return;
  tell({ kind: 'changed', at: heard });
  heard = [];
}

async function open({ url, token, count, kind }: Open): Promise<void> {
  expected = count;
  for (let begun = 0; begun < count; begun += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, count - begun) });
    await Promise.all(some.map(() => (kind === 'sdk' ? openSdk(url, token) : openSocket(new URL(url), token))));
  }
  tell({ kind: 'open' });
}

const clients: TheseusClient[] = [];

async function openSdk(url: string, token: string): Promise<void> {
  const client = createTheseus({ url, token, service: 'bench', log: () => undefined });
  clients.push(client);
  if (!(await client.ready(20_000))) throw new Error('a client got no flags');
  client.onChange(changed);
}

function openSocket({ hostname, port }: URL, token: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    let isOpen = false;
    const socket = connect(Number(port), hostname, () => {
      socket.write(`GET /api/v1/flags/stream HTTP/1.1\r\nhost: ${hostname}\r\nauthorization: Bearer ${token}\r\n\r\n`);
    });
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      // The lines that begin an event are short and sent in one piece.
      for (const _ of text.matchAll(EVENT)) {
        if (isOpen) changed();
        isOpen = true;
        resolve(socket);
      }
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('a stream was closed')));
  });
}

process.on('message', (order: Open) => void open(order));
process.on('disconnect', () => process.exit(0));
