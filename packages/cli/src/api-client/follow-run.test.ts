import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { runView } from '../../test-support/run-view.ts';
import { ApiClient } from './api-client.ts';
import { type Followed, followRun } from './follow-run.ts';

let server: Server | null = null;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function clientOf(listener: RequestListener): Promise<ApiClient> {
  const listening = createServer(listener);
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  return new ApiClient({ url: `http://127.0.0.1:${(listening.address() as AddressInfo).port}`, token: 't' });
}

const recorded = (seq: number) => ({
  runId: 'r',
  seq,
  event: { type: 'run.paused', at: 0, reason: '', actor: { kind: 'engine', name: 'x' } },
});
const block = (name: string, data: unknown): string => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

async function follow(client: ApiClient): Promise<readonly Followed[]> {
  const all: Followed[] = [];
  const stop = new AbortController();
  for await (const followed of followRun(client, 'r', 0, stop.signal)) {
    all.push(followed);
    if (followed.kind === 'view' && followed.view.status === 'finished') break;
  }
  stop.abort();
  return all;
}

const told = (all: readonly Followed[]) => all.map((one) => (one.kind === 'event' ? one.recorded.seq : one.kind));

describe('followRun()', () => {
  it('gives each event once across a lost connection', async () => {
    const asked: string[] = [];
    const client = await clientOf((request, response) => {
      asked.push(request.url ?? '');
      if (asked.length === 1) return void response.end(block('event', recorded(1)) + block('event', recorded(2)));
      response.end(
        block('event', recorded(2)) +
          block('event', recorded(3)) +
          block('view', runView({ status: 'finished', revision: 3 })),
      );
    });
    expect(told(await follow(client))).toEqual([1, 2, 'lost', 'back', 3, 'view']);
    expect(asked[1]).toContain('after=2');
  });

  it('gives the last events before the finished view, even when the view overtakes them', async () => {
    const client = await clientOf((request, response) => {
      if (request.url?.includes('/events') === true)
        return void response.end(JSON.stringify({ events: [recorded(2)], next: null }));
      response.write(block('event', recorded(1)) + block('view', runView({ status: 'finished', revision: 2 })));
    });
    expect(told(await follow(client))).toEqual([1, 2, 'view']);
  });

  it('ends with what the server refuses', async () => {
    const client = await clientOf((_request, response) => {
      response.writeHead(401).end(JSON.stringify({ error: { code: 'unauthorized', message: 'No', mend: 'ask' } }));
    });
    await expect(follow(client)).rejects.toMatchObject({ code: 'unauthorized', message: 'No: ask' });
  });
});
