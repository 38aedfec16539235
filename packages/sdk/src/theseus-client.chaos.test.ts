import { mkdtemp, open, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { documentOf, eventText, FakeServer, flagOf, TOKEN } from '../test-support/fake-server.ts';
import type { LogEntry } from './log-gate.ts';
import { createTheseusWith, type TheseusClient } from './theseus-client.ts';

const USER = { userId: 'user-1' };

let server: FakeServer;
let client: TheseusClient | undefined;
let lines: LogEntry[];

beforeEach(async () => {
  server = await new FakeServer().start();
  server.database.document = documentOf(1, [flagOf('on'), flagOf('off', { exposure: 0 })]);
  lines = [];
});
afterEach(async () => {
  vi.useRealTimers();
  await client?.close();
  await server.kill();
});

function connect(cacheFolder?: string): TheseusClient {
  const options = { url: server.url, token: TOKEN, service: 'front', log: (line: LogEntry) => lines.push(line) };
  client = createTheseusWith(
    { ...options, ...(cacheFolder === undefined ? {} : { cacheFolder }) },
    { random: () => 0.05 },
  );
  return client;
}

const reaches = (of: TheseusClient, version: number) =>
  new Promise<void>((resolve) => {
    if (of.version >= version) return resolve();
    const end = of.onChange((change) => {
      if (change.version < version) return;
      end();
      resolve();
    });
  });

/** Lets virtual time pass, with real turns for the sockets in between, until the promise settles; how long that took. */
async function driveUntil(promise: Promise<unknown>): Promise<number> {
  let settled = false;
  void promise.finally(() => {
    settled = true;
  });
  let passedMs = 0;
  for (; !settled; passedMs += STEP_MS) {
    if (passedMs > 600_000) throw new Error('Nothing happened for ten minutes');
    await driveStep();
  }
  return passedMs;
}

const STEP_MS = 50;

async function driveStep(): Promise<void> {
  await vi.advanceTimersByTimeAsync(STEP_MS);
  for (let turn = 0; turn < 25; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

const virtualTime = () => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
const streamRequests = () => server.requests.filter(({ url }) => url.startsWith('/api/v1/flags/stream')).length;
const hang = () => undefined;

describe('in chaos', () => {
  test('a server that accepts and never answers does not hold anything up', async () => {
    virtualTime();
    server.onStream = hang;
    server.onFlags = hang;
    server.onTelemetry = hang;
    const theseus = connect();
    expect(await driveUntil(theseus.ready(2000))).toBeLessThanOrEqual(2100);
    expect(theseus.enabled('on', USER)).toBe(false);
    server.onStream = (_request, response) => server.openStream(response);
    const tookMs = await driveUntil(reaches(theseus, 1));
    // Five seconds until the silent request is given up, then a short wait.
    expect(tookMs).toBeLessThan(15_000);
    expect(theseus.enabled('on', USER)).toBe(true);
    server.onTelemetry = (_request, response, body) => server.takeTelemetry(response, body);
  });

  test('a server that was away for long is streamed from as soon as a poll has found it', async () => {
    const { port, database } = server;
    await server.kill();
    virtualTime();
    const options = { url: server.url, token: TOKEN, service: 'front', log: () => undefined };
    const theseus = createTheseusWith(options, { random: () => 0.99 });
    client = theseus;
    // By now ten seconds lie between two attempts, the last of them two seconds ago; polls come every four.
    for (let passedMs = 0; passedMs < 24_500; passedMs += STEP_MS) await driveStep();
    server = await new FakeServer(database).start(port);
    const stream = server.next('stream');
    expect(await driveUntil(server.next('flags'))).toBeLessThan(4500);
    expect(await driveUntil(stream)).toBeLessThan(1000);
    await driveUntil(theseus.ready());
    expect(theseus.enabled('on', USER)).toBe(true);
  });

  test('a server that is too busy is left alone for as long as it asks: streams wait, polls go on', async () => {
    virtualTime();
    server.onStream = (_request, response) => void response.writeHead(429, { 'retry-after': '20' }).end();
    const theseus = connect();
    await driveUntil(theseus.ready());
    expect(theseus.enabled('on', USER)).toBe(true);
    expect(await driveUntil(server.next('stream'))).toBeGreaterThan(15_000);
    expect(streamRequests()).toBe(2);
    const polled = server.requests.filter(({ url }) => url === '/api/v1/flags').length;
    expect(polled).toBeGreaterThan(3);
  });

  test('a server that is too busy to be polled is polled no sooner than it asks', async () => {
    virtualTime();
    server.onStream = (_request, response) => void response.writeHead(503, { 'retry-after': '1' }).end();
    let refused = 0;
    server.onFlags = (request, response) => {
      if (refused > 0) return server.sendFlags(request, response);
      refused += 1;
      response.writeHead(503, { 'retry-after': '30' }).end();
    };
    const theseus = connect();
    expect(await driveUntil(reaches(theseus, 1))).toBeGreaterThan(25_000);
    expect(theseus.enabled('on', USER)).toBe(true);
  });

  test('a stream that is half open is cut after three heartbeats and opened anew', async () => {
    server.onTelemetry = (_request, response) => void response.writeHead(500).end();
    virtualTime();
    const theseus = connect();
    await driveUntil(reaches(theseus, 1));
    server.database.document = documentOf(2, [flagOf('off')]);
    const tookMs = await driveUntil(reaches(theseus, 2));
    expect(tookMs).toBeGreaterThanOrEqual(29_000);
    expect(tookMs).toBeLessThan(45_000);
    expect(streamRequests()).toBe(2);
  });

  test('a stream that speaks now and then is left alone', async () => {
    server.onTelemetry = (_request, response) => void response.writeHead(500).end();
    virtualTime();
    const theseus = connect();
    await driveUntil(reaches(theseus, 1));
    for (let version = 2; version < 8; version += 1) {
      await vi.advanceTimersByTimeAsync(20_000);
      const arrived = reaches(theseus, version);
      server.patch([flagOf('on')]);
      await arrived;
    }
    expect(streamRequests()).toBe(1);
  });

  test.each<[string, (text: string) => string]>([
    ['garbage', () => 'event: put\ndata: {"version": 1, "fl\n\n'],
    ['another document', () => eventText('put', { version: 1, flags: [] })],
    ['half an event and then the end', (text) => text.slice(0, 60)],
    ['bytes that are no text', () => '\u0000\u0001\ufffe\n\n\n'],
  ])('a stream of %s is made up for by fetching', async (_what, spoil) => {
    server.onStream = (_request, response) => {
      response
        .writeHead(200, { 'content-type': 'text/event-stream' })
        .end(spoil(eventText('put', server.database.document)));
    };
    const theseus = connect();
    expect(await theseus.ready(20_000)).toBe(true);
    expect(theseus.enabled('on', USER)).toBe(true);
  });

  test('an endless line is cut off, within bounds of memory', async () => {
    const cut = new Promise<void>((resolve) => {
      server.onStream = (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        const block = Buffer.alloc(1024 * 1024, 'x');
        const pump = () => {
          while (!response.destroyed && response.write(block)) {
            // Until the socket is full.
          }
        };
        response.on('drain', pump);
        response.on('close', resolve);
        response.on('error', () => undefined);
        pump();
      };
    });
    const theseus = connect();
    await cut;
    server.onStream = (_request, response) => server.openStream(response);
    expect(await theseus.ready(20_000)).toBe(true);
    expect(lines).toContainEqual(
      expect.objectContaining({ message: expect.stringMatching(/more than \d+ characters/) }),
    );
  }, 20_000);

  test.each<[string, FakeServer['onStream']]>([
    ['500', (_request, response) => void response.writeHead(500).end('oops')],
    [
      'a page of a proxy',
      (_request, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<p>log in'),
    ],
    [
      'no JSON',
      (_request, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end('{"version":'),
    ],
    ['a redirect', (_request, response) => void response.writeHead(302, { location: '/elsewhere' }).end()],
    [
      'half a body',
      (_request, response) => {
        response.writeHead(200, { 'content-length': 1000 }).write('{"version":');
        setImmediate(() => response.destroy());
      },
    ],
  ])('a server that answers everything with %s takes nothing back', async (_what, answer) => {
    const theseus = connect();
    await theseus.ready();
    const failed = server.next('flags');
    server.onStream = answer;
    server.onFlags = answer;
    server.onTelemetry = answer;
    for (const stream of server.streams) stream.destroy();
    await failed;
    expect(theseus.enabled('on', USER)).toBe(true);
    expect(theseus.route('on', USER, { legacy: () => 'legacy', candidate: () => 'candidate' })).toBe('candidate');
    server.onFlags = (request, response) => server.sendFlags(request, response);
    server.database.document = documentOf(2, [flagOf('off')]);
    server.onStream = (_request, response) => server.openStream(response);
    await reaches(theseus, 2);
    expect(theseus.enabled('off', USER)).toBe(true);
  });

  test('a disk that takes nothing costs a line in the log and no answer', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'theseus-chaos-'));
    const blocked = join(folder, 'a-file');
    await writeFile(blocked, '');
    const theseus = connect(blocked);
    expect(await theseus.ready()).toBe(true);
    await theseus.close();
    expect(theseus.enabled('on', USER)).toBe(true);
    expect(lines.filter(({ message }) => message.includes('Cannot keep a copy'))).toHaveLength(1);
    await rm(folder, { recursive: true });
  });

  test('a disk that fills up costs a line in the log, and leaves the last whole copy to the next start [ALL-4]', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'theseus-chaos-'));
    const first = connect(folder);
    await first.ready();
    await first.close();
    const file = await open(join(folder, 'probe'), 'w');
    const full = vi
      .spyOn(Object.getPrototypeOf(file) as typeof file, 'writeFile')
      .mockRejectedValue(Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' }));
    await file.close();
    await rm(join(folder, 'probe'));
    const second = connect(folder);
    await second.ready();
    server.patch([flagOf('off')]);
    await reaches(second, 2);
    await second.close();
    full.mockRestore();
    expect(second.enabled('off', USER)).toBe(true);
    expect(lines.filter(({ message }) => message.includes('ENOSPC'))).toHaveLength(1);
    expect(await readdir(folder)).toEqual(['theseus-flags.json']);
    await server.kill();
    const third = connect(folder);
    expect([third.version, third.enabled('on', USER)]).toEqual([1, true]);
    await third.close();
    await rm(folder, { recursive: true });
  });

  test('a clock that jumps by years either way changes no answer, ends no stream and counts no time [ALL-4]', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const theseus = connect();
    await theseus.ready();
    const jumps = [0, 86_400_000, -86_400_000, 10 * 365 * 86_400_000, -30 * 365 * 86_400_000, 1, 4_000_000_000_000];
    for (const [index, jump] of jumps.entries()) {
      const arrived = reaches(theseus, index + 2);
      theseus.route('on', USER, {
        legacy: () => 'legacy',
        candidate: () => {
          vi.setSystemTime(Math.max(0, Date.now() + jump));
          return 'candidate';
        },
      });
      expect([theseus.enabled('on', USER), theseus.enabled('off', USER)]).toEqual([true, false]);
      server.patch([flagOf('on')]);
      await arrived;
    }
    const batch = await server.batch(({ flags }) => flags['on']?.candidate.requests === jumps.length);
    // Buckets of the histogram and their counts, in turn: nothing took longer than a second.
    expect(
      Math.max(...(batch.flags['on']?.candidate.latency ?? []).filter((_, index) => index % 2 === 0)),
    ).toBeLessThan(1000);
    expect(streamRequests()).toBe(1);
    expect(lines).toEqual([]);
  });

  test('a server that dribbles its flags byte by byte is waited for, and answers stay legacy until they are whole', async () => {
    server.onStream = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const text = eventText('put', server.database.document);
      const dribble = (from: number) => {
        response.write(text.slice(from, from + 7));
        if (from + 7 < text.length) setImmediate(dribble, from + 7);
      };
      dribble(0);
    };
    server.onFlags = hang;
    const theseus = connect();
    while (!theseus.enabled('on', USER)) {
      expect(theseus.details('on', USER).errorCode).toBe('PROVIDER_NOT_READY');
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(lines).toEqual([]);
  });

  test('a patch of several megabytes arrives whole, and so does one that is fetched because it is too much at once', async () => {
    const theseus = connect();
    await theseus.ready();
    const many = Array.from({ length: 12_000 }, (_, index) =>
      flagOf(`flag-${index}`, { overrides: { candidate: [`user-${index}-${'x'.repeat(200)}`], legacy: [] } }),
    );
    server.patch(many);
    await reaches(theseus, 2);
    expect(theseus.enabled('flag-11999', USER)).toBe(true);
    server.onStream = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const part = Buffer.alloc(1024 * 1024, 'x');
      response.write('event: patch\ndata: ');
      for (let written = 0; written <= 64; written += 1) response.write(part);
    };
    server.database.document = documentOf(3, [flagOf('off')]);
    for (const stream of server.streams) stream.destroy();
    await reaches(theseus, 3);
    expect([theseus.enabled('on', USER), theseus.enabled('off', USER)]).toEqual([false, true]);
  }, 30_000);

  test('of several servers behind one address, one that lags is nobody’s trouble; one that stays behind is', async () => {
    const theseus = connect();
    server.database.document = documentOf(9, [flagOf('on')]);
    await theseus.ready();
    const news = server.database.document;
    virtualTime();
    for (let failover = 0; failover < 3; failover += 1) {
      server.database.document = documentOf(8, [flagOf('on', { exposure: 0 })]);
      const lagging = server.next('stream');
      for (const stream of server.streams) stream.destroy();
      await driveUntil(lagging);
      for (let passedMs = 0; passedMs < 1000; passedMs += STEP_MS) await driveStep();
      server.database.document = news;
      const abreast = server.next('stream');
      for (const stream of server.streams) stream.destroy();
      await driveUntil(abreast);
      for (let passedMs = 0; passedMs < 12_000; passedMs += STEP_MS) await driveStep();
    }
    expect(theseus.enabled('on', USER)).toBe(true);
    const said = () => lines.filter(({ message }) => message.includes('already serves')).length;
    expect(said()).toBe(0);
    server.database.document = documentOf(8, []);
    for (const stream of server.streams) stream.destroy();
    for (let passedMs = 0; passedMs < 30_000; passedMs += STEP_MS) await driveStep();
    expect(said()).toBe(1);
    expect(theseus.enabled('on', USER)).toBe(true);
  }, 30_000);

  test('close() ends within its limit although the server does not answer', async () => {
    const theseus = connect();
    await theseus.ready();
    await server.batch(() => true);
    server.onTelemetry = hang;
    theseus.route('on', USER, { legacy: () => 1, candidate: () => 2 });
    virtualTime();
    expect(await driveUntil(theseus.close())).toBeLessThanOrEqual(2100);
  });

  test('any row of failures ends at the server’s version, and never goes back on the way', async () => {
    const behaviours = [
      'well',
      'kill',
      'stream 500',
      'stream garbage',
      'cut streams',
      'patch',
      'gap',
      'old put',
    ] as const;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...behaviours), { minLength: 1, maxLength: 12 }), async (row) => {
        const versions: number[] = [];
        const theseus = createTheseusWith(
          { url: server.url, token: TOKEN, service: 'front', log: () => undefined },
          { random: () => 0.02 },
        );
        theseus.onChange(({ version }) => versions.push(version));
        for (const behaviour of row) {
          await misbehave(behaviour);
          theseus.enabled('on', USER);
          expect(theseus.details('on', USER).key).toBe('on');
        }
        await misbehave('well');
        server.patch([flagOf('on')]);
        await reaches(theseus, server.database.document.version);
        expect(versions).toEqual(versions.toSorted((left, right) => left - right));
        await theseus.close();
      }),
      { numRuns: 15 },
    );
  }, 60_000);
});

async function misbehave(behaviour: string): Promise<void> {
  switch (behaviour) {
    case 'kill': {
      const { port, database } = server;
      await server.kill();
      server = await new FakeServer(database).start(port);
      return;
    }
    case 'stream 500':
      server.onStream = (_request, response) => void response.writeHead(500).end();
      return;
    case 'stream garbage':
      server.onStream = (_request, response) =>
        void response.writeHead(200, { 'content-type': 'text/event-stream' }).end('event: put\ndata: ?\n\n');
      return;
    case 'cut streams':
      for (const stream of server.streams) stream.destroy();
      return;
    case 'patch':
      return server.patch([flagOf('on')]);
    case 'gap':
      return server.patch([flagOf('on')], { from: 1_000_000, version: 1_000_001 });
    case 'old put':
      return server.send(eventText('put', documentOf(0, [])));
    default:
      server.onStream = (_request, response) => server.openStream(response);
  }
}
