import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { documentOf, eventText, type FakeDatabase, FakeServer, flagOf, TOKEN } from '../test-support/fake-server.ts';
import type { TheseusOptions } from './client-options.ts';
import type { FlagChange } from './feed/flag-store.ts';
import { LAST_KNOWN_GOOD_FILE } from './last-known-good.ts';
import type { LogEntry } from './log-gate.ts';
import { type ConnectionState, createTheseusWith, type TheseusClient } from './theseus-client.ts';

const USER = { userId: 'user-1' };

let server: FakeServer;
let clients: TheseusClient[];
let lines: LogEntry[];

beforeEach(async () => {
  server = await new FakeServer().start();
  server.database.document = documentOf(1, [flagOf('on'), flagOf('off', { exposure: 0 })]);
  clients = [];
  lines = [];
});
afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(clients.map((client) => client.close()));
  await server.kill();
});

function connect(options: Partial<TheseusOptions> = {}): TheseusClient {
  const given = {
    url: server.url,
    token: TOKEN,
    service: 'front',
    log: (line: LogEntry) => lines.push(line),
    ...options,
  };
  const client = createTheseusWith(given, { random: () => 0.05 });
  clients.push(client);
  return client;
}

/** So that no answer to telemetry gives the server's version away. */
const refuseTelemetry = () => {
  server.onTelemetry = (_request, response) => void response.writeHead(500).end();
};

const nextChange = (client: TheseusClient) =>
  new Promise<FlagChange>((resolve) => {
    const end = client.onChange((change) => {
      end();
      resolve(change);
    });
  });

const stateBecomes = (client: TheseusClient, wanted: ConnectionState) =>
  new Promise<void>((resolve) => {
    if (client.state === wanted) return resolve();
    const end = client.onState((state) => {
      if (state !== wanted) return;
      end();
      resolve();
    });
  });

describe('createTheseus()', () => {
  test.each<[string, Partial<TheseusOptions>, RegExp]>([
    ['no URL', { url: 'nonsense' }, /no URL/],
    ['another protocol', { url: 'ftp://x' }, /http/],
    ['no token', { token: '' }, /token/],
    ['a token that would break the header', { token: 'a\r\nb' }, /token/],
    ['no service', { service: '' }, /service/],
  ])('refuses %s', (_what, options, message) => {
    expect(() => connect(options)).toThrow(message);
    expect(() => connect(options)).toThrow(expect.objectContaining({ code: 'invalid-argument' }));
  });

  test('answers legacy at once, and from the server’s flags as soon as they are in', async () => {
    const client = connect();
    expect(client.enabled('on', USER)).toBe(false);
    expect(client.details('on', USER)).toEqual({
      key: 'on',
      arm: 'legacy',
      variant: 'legacy',
      reason: 'ERROR',
      errorCode: 'PROVIDER_NOT_READY',
      version: 0,
    });
    expect(client.route('on', USER, { legacy: (arm) => arm, candidate: (arm) => arm })).toBe('legacy');
    expect(client.state).toBe('waiting');
    expect(await client.ready()).toBe(true);
    expect(client.enabled('on', USER)).toBe(true);
    expect(client.enabled('off', USER)).toBe(false);
    expect(client.details('on', USER)).toMatchObject({
      arm: 'candidate',
      variant: 'candidate',
      reason: 'SPLIT',
      version: 1,
    });
    expect(client.state).toBe('current');
    expect(lines).toEqual([]);
  });

  test('keeps the path of the server’s address', async () => {
    const seen = server.requests;
    const client = connect({ url: `${server.url}/base` });
    expect(await client.ready(200)).toBe(false);
    expect(seen[0]?.url).toMatch(/^\/base\/api\/v1\//);
  });

  test('works over a fetch of the program’s own', async () => {
    const fetch = vi.fn(globalThis.fetch);
    const client = connect({ fetch });
    expect(await client.ready()).toBe(true);
    const change = nextChange(client);
    server.patch([flagOf('off')]);
    expect(await change).toEqual({ version: 2, changed: ['off'] });
    await server.batch((batch) => batch.servedVersion === 2);
    expect(fetch.mock.calls.length).toBeGreaterThanOrEqual(3);
  });
});

describe('a short script', () => {
  const refs = (socket: Socket) => (socket as unknown as { _handle: { hasRef(): boolean } | null })._handle?.hasRef();

  test('is not kept alive by the connections of its client', async () => {
    const unref = vi.spyOn(Socket.prototype, 'unref');
    const client = connect();
    await client.ready();
    await server.batch(() => true);
    const ours = new Set(
      unref.mock.contexts.filter((socket) => (socket as Socket).remotePort === server.port) as Socket[],
    );
    unref.mockRestore();
    expect(ours.size).toBeGreaterThanOrEqual(2);
    expect([...ours].map(refs)).toEqual([...ours].map(() => false));
  });

  test('is kept alive while it waits to be ready or closed', async () => {
    const { url } = server;
    await server.kill();
    const client = connect({ url });
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    const ready = client.ready(30);
    expect(timers()).toBe(before + 1);
    await ready;
  });
});

describe('the feed', () => {
  test('applies patches as they come', async () => {
    const client = connect();
    await client.ready();
    const change = nextChange(client);
    server.patch([flagOf('on', { exposure: 0 })]);
    expect(await change).toEqual({ version: 2, changed: ['on'] });
    expect(client.enabled('on', USER)).toBe(false);
    expect(client.version).toBe(2);
    expect(server.requests.filter(({ url }) => url === '/api/v1/flags')).toEqual([]);
  });

  test('says who it is', async () => {
    const client = connect();
    await client.ready();
    const stream = server.requests.find(({ url }) => url.startsWith('/api/v1/flags/stream'));
    expect(stream?.url).toBe(`/api/v1/flags/stream?instance=${client.instance}&service=front`);
    expect(stream?.headers).toMatchObject({ accept: 'text/event-stream', authorization: `Bearer ${TOKEN}` });
  });

  test('fetches the document when a patch does not follow', async () => {
    refuseTelemetry();
    const client = connect();
    await client.ready();
    const change = nextChange(client);
    server.patch([flagOf('new')], { from: 7, version: 8 });
    expect(await change).toEqual({ version: 2, changed: ['new'] });
  });

  test('ignores what is older than what it serves, and says nothing of it while a server may just lag', async () => {
    const client = connect();
    server.database.document = documentOf(9, [flagOf('on')]);
    await client.ready();
    server.send(eventText('put', documentOf(3, [])));
    server.send(eventText('patch', { from: 2, version: 3, flags: {}, removed: ['on'] }));
    server.send(eventText('put', documentOf(4, [])));
    const change = nextChange(client);
    server.patch([flagOf('off')]);
    await change;
    expect(client.version).toBe(10);
    expect(client.enabled('on', USER)).toBe(true);
    expect(lines).toEqual([]);
  });

  test('finds a restarted server again on the same port [ALL-4]', async () => {
    const client = connect();
    await client.ready();
    const { port, database } = server;
    await server.kill();
    await stateBecomes(client, 'stale');
    expect(client.enabled('on', USER)).toBe(true);
    database.document = documentOf(2, [flagOf('on', { exposure: 0 })]);
    const change = nextChange(client);
    server = await new FakeServer(database).start(port);
    expect(await change).toEqual({ version: 2, changed: ['on', 'off'] });
    expect(client.state).toBe('current');
    expect(client.enabled('on', USER)).toBe(false);
    expect(lines.map(({ level }) => level)).toContain('info');
  });

  test('tells a restarted server at once which version it serves', async () => {
    const client = connect();
    await client.ready();
    const { port, database } = server;
    await server.batch(() => true);
    await server.kill();
    server = await new FakeServer(database).start(port);
    expect(await server.batch(() => true)).toMatchObject({ instance: client.instance, servedVersion: 1 });
  });

  test('tells each version to listeners until they leave, whatever other listeners do', async () => {
    const client = connect();
    const first: number[] = [];
    const end = client.onChange(({ version }) => first.push(version));
    client.onChange(() => {
      throw new Error('mine');
    });
    await client.ready();
    const second = nextChange(client);
    end();
    server.patch([flagOf('x')]);
    await second;
    expect(first).toEqual([1]);
    expect(lines).toContainEqual(expect.objectContaining({ message: expect.stringContaining('mine') }));
  });

  describe('without a stream', () => {
    const noStream = () => {
      server.onStream = (_request, response) => void response.writeHead(503).end();
    };

    test('polls, and asks only for news', async () => {
      noStream();
      const client = connect();
      expect(await client.ready()).toBe(true);
      expect(client.state).toBe('current');
      const answered = () => server.requests.some(({ url, status }) => url === '/api/v1/flags' && status() === 304);
      while (!answered()) await server.next('flags');
      const polls = server.requests.filter(({ url }) => url === '/api/v1/flags');
      expect(polls.at(0)?.headers['if-none-match']).toBeUndefined();
      expect(polls.at(-1)?.headers['if-none-match']).toBe('"v1"');
      expect(polls.at(-1)?.status()).toBe(304);
    });

    test('goes back to the stream when there is one again', async () => {
      noStream();
      const client = connect();
      await client.ready();
      const stream = server.next('stream');
      await stream;
      server.onStream = (_request, response) => server.openStream(response);
      while (server.streams.size === 0) await server.next('stream');
      const change = nextChange(client);
      server.patch([flagOf('new')]);
      expect(await change).toEqual({ version: 2, changed: ['new'] });
    });
  });

  test('fetches the document instead of an event that cannot be read', async () => {
    refuseTelemetry();
    const client = connect();
    await client.ready();
    server.database.document = documentOf(2, [flagOf('off')]);
    const change = nextChange(client);
    server.send(eventText('patch', { from: 1, version: 2, flags: 'garbage', removed: [] }));
    expect((await change).version).toBe(2);
    expect(client.enabled('off', USER)).toBe(true);
  });

  test('learns of news from the answer to its telemetry when the stream says nothing', async () => {
    server.database.document = documentOf(1, [flagOf('on')], { flushEveryMs: 100 });
    const client = connect();
    await client.ready();
    const change = nextChange(client);
    server.database.document = documentOf(2, [flagOf('off')]);
    expect((await change).version).toBe(2);
  });
});

describe('ready()', () => {
  test('ends with false at its limit when no flags are known, and never rejects', async () => {
    const { url } = server;
    await server.kill();
    const client = connect({ url });
    const began = performance.now();
    expect(await client.ready(50)).toBe(false);
    expect(performance.now() - began).toBeLessThan(1000);
    server = await new FakeServer().start();
  });

  test('ends with false when the client is closed', async () => {
    const { url } = server;
    await server.kill();
    const client = connect({ url });
    const ready = client.ready(60_000);
    await client.close();
    expect(await ready).toBe(false);
    server = await new FakeServer().start();
  });
});

describe('the copy on disk', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'theseus-client-'));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  test('answers when the server is away at start [ALL-4]', async () => {
    const first = connect({ cacheFolder: folder });
    await first.ready();
    const change = nextChange(first);
    server.patch([flagOf('off')]);
    await change;
    await first.close();
    const { url } = server;
    await server.kill();
    const second = connect({ url, cacheFolder: folder });
    expect(second.enabled('off', USER)).toBe(true);
    expect(second.state).toBe('stale');
    expect(await second.ready(60_000)).toBe(true);
    expect(second.version).toBe(2);
    server = await new FakeServer().start();
  });

  test('gives way to the server’s flags', async () => {
    const first = connect({ cacheFolder: folder });
    await first.ready();
    await first.close();
    server.database.document = documentOf(5, [flagOf('on', { exposure: 0 })]);
    const second = connect({ cacheFolder: folder });
    expect(second.version).toBe(1);
    const change = nextChange(second);
    await change;
    expect(second.version).toBe(5);
    expect(second.enabled('on', USER)).toBe(false);
  });

  test('is ignored when it is broken, and mended', async () => {
    await writeFile(join(folder, LAST_KNOWN_GOOD_FILE), '{"format":"theseus-flags/1"');
    const client = connect({ cacheFolder: folder });
    expect(client.version).toBe(0);
    expect(await client.ready()).toBe(true);
    await client.close();
    const { url } = server;
    await server.kill();
    expect(connect({ url, cacheFolder: folder }).version).toBe(1);
    server = await new FakeServer().start();
  });
});

describe('telemetry', () => {
  const ok = { legacy: () => 'ok', candidate: () => 'ok' };

  test('says in its last batch that the instance ends, so that nobody waits for it', async () => {
    const client = connect({});
    await client.ready();
    await client.close();
    const mine = server.batches.filter(({ instance }) => instance === client.instance);
    expect(mine.at(-1)?.closing).toBe(true);
    expect(mine.slice(0, -1).some(({ closing }) => closing)).toBe(false);
  });

  test('says at once which version is served', async () => {
    const client = connect();
    await client.ready();
    expect(await server.batch(() => true)).toMatchObject({
      instance: client.instance,
      service: 'front',
      servedVersion: 1,
    });
    const [sent, came] = [performance.now(), server.batch((batch) => batch.servedVersion === 2)];
    server.patch([flagOf('off')]);
    await came;
    expect(performance.now() - sent).toBeLessThan(1000);
  });

  test('reports what changed and nothing else, and a heartbeat when nothing did', async () => {
    server.database.document = documentOf(1, [flagOf('on'), flagOf('off', { exposure: 0 })], { flushEveryMs: 100 });
    const client = connect();
    await client.ready();
    const first = await server.batch(() => true);
    expect(first.flags).toEqual({});
    client.route('on', USER, ok);
    const second = await server.batch((batch) => 'on' in batch.flags);
    expect(Object.keys(second.flags)).toEqual(['on']);
    const { on } = second.flags;
    expect(on?.candidate).toMatchObject({ requests: 1, errors: 0 });
    const third = await server.batch((batch) => batch.sequence > second.sequence);
    expect(third.flags).toEqual({});
  });

  test('counts nothing of flags that are in no document', async () => {
    const client = connect();
    await client.ready();
    expect(client.route('no-such-flag', USER, { legacy: (arm) => arm, candidate: (arm) => arm })).toBe('legacy');
    await client.close();
    expect(server.batches.every((batch) => Object.keys(batch.flags).length === 0)).toBe(true);
  });

  test('delivers the last counts when the client is closed', async () => {
    const client = connect();
    await client.ready();
    await server.batch(() => true);
    for (let n = 0; n < 5; n += 1) client.route('on', USER, ok);
    await client.close();
    expect(server.database.sum('on', 'candidate')).toEqual({ requests: 5, errors: 0, fallbacks: 0 });
    expect(client.enabled('on', USER)).toBe(true);
  });

  test('loses nothing and doubles nothing across restarts and lost answers [ALL-4]', async () => {
    const database: FakeDatabase = server.database;
    database.document = documentOf(1, [flagOf('on'), flagOf('off', { exposure: 0 })], { flushEveryMs: 100 });
    const client = connect();
    await client.ready();
    const { port } = server;
    const boom = () => {
      throw new Error('boom');
    };
    let answered = 0;
    const traffic = () => {
      for (let n = 0; n < 37; n += 1, answered += 1) {
        expect(client.route('on', USER, { legacy: () => 'ok', candidate: n % 5 === 0 ? boom : () => 'ok' })).toBe('ok');
        client.route('off', USER, ok);
      }
    };
    for (let round = 0; round < 10; round += 1) {
      // Odd rounds: the batch is stored, but the server dies before it can say so. Even rounds: it dies before storing.
      const stored = new Promise<void>((resolve) => {
        server.onTelemetry = (_request, response, body) => {
          const batch = JSON.parse(body);
          if (round % 2 === 1) database.take(batch);
          response.destroy();
          if ('on' in batch.flags) resolve();
        };
      });
      traffic();
      await stored;
      traffic();
      await server.kill();
      traffic();
      server = await new FakeServer(database).start(port);
      const delivered = server.batch((batch) => 'on' in batch.flags);
      await delivered;
    }
    await client.close();
    const failed = (answered / 37) * Math.ceil(37 / 5);
    expect(database.sum('on', 'candidate')).toEqual({ requests: answered, errors: failed, fallbacks: failed });
    expect(database.sum('on', 'legacy')).toEqual({ requests: 0, errors: 0, fallbacks: 0 });
    expect(database.sum('off', 'legacy')).toEqual({ requests: answered, errors: 0, fallbacks: 0 });
  });

  test('says once that the token is refused, and goes on evaluating', async () => {
    const client = connect();
    await client.ready();
    await server.batch(() => true);
    const refused = new Promise<void>((resolve) => {
      let times = 0;
      server.onTelemetry = (_request, response) => {
        response.writeHead(403).end();
        times += 1;
        if (times === 3) resolve();
      };
    });
    server.patch([flagOf('off')]);
    await refused;
    expect(lines.filter(({ message }) => message.includes('403'))).toHaveLength(1);
    expect(client.enabled('on', USER)).toBe(true);
  });
});
