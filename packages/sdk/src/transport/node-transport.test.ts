import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { NodeTransport } from './node-transport.ts';

let server: Server;
let transport: NodeTransport;

afterEach(async () => {
  transport.close();
  await new Promise((resolve) => server.close(resolve));
});

async function serve(handle: (request: IncomingMessage, response: ServerResponse, turn: number) => void) {
  const turns = new WeakMap<object, number>();
  let connections = 0;
  server = createServer((request, response) => {
    const turn = (turns.get(request.socket) ?? 0) + 1;
    turns.set(request.socket, turn);
    handle(request, response, turn);
  });
  server.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  transport = new NodeTransport(new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`));
  return { connections: () => connections };
}

async function post(body: string): Promise<string> {
  const signal = new AbortController().signal;
  const response = await transport.send({ method: 'POST', path: 'x', headers: {}, body, signal });
  return textOf(response.body);
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function echo(request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200);
  request.pipe(response);
}

test('NodeTransport keeps its connection', async () => {
  const { connections } = await serve(echo);
  expect(await post('one')).toBe('one');
  expect(await post('two é')).toBe('two é');
  expect(connections()).toBe(1);
});

test('NodeTransport repeats a request that met a connection which was just given up', async () => {
  const { connections } = await serve((request, response, turn) => {
    if (turn === 1) echo(request, response);
    else request.socket.resetAndDestroy();
  });
  expect(await post('one')).toBe('one');
  expect(await post('two')).toBe('two');
  expect(await post('three')).toBe('three');
  expect(connections()).toBe(3);
});

test('NodeTransport does not repeat what a fresh connection refused', async () => {
  const { connections } = await serve((request) => void request.socket.resetAndDestroy());
  await expect(post('one')).rejects.toThrow(expect.objectContaining({ code: 'ECONNRESET' }));
  expect(connections()).toBe(1);
});

test('NodeTransport repeats no request whose answer was cut off: its reader hears of it, and nobody else', async () => {
  let requests = 0;
  let cutOff = (): void => undefined;
  await serve((request, response, turn) => {
    requests += 1;
    if (turn === 1) return echo(request, response);
    response.write('half');
    cutOff = () => void request.socket.resetAndDestroy();
  });
  expect(await post('one')).toBe('one');
  const { signal } = new AbortController();
  const { body } = await transport.send({ method: 'GET', path: 'x', headers: {}, signal });
  cutOff();
  await expect(textOf(body)).rejects.toThrow(expect.objectContaining({ code: 'ECONNRESET' }));
  expect(await post('three')).toBe('three');
  expect(requests).toBe(3);
});
