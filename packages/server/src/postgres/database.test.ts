import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, testDatabase } from '../../test-support/test-database.ts';
import type { Database } from '../ports/database.ts';
import { openDatabase, reachDatabase } from './database.ts';

let postgres: TestDatabase;

beforeAll(async () => {
  postgres = await testDatabase();
}, 60_000);

afterAll(() => postgres?.close());

const open = (connectionString: string, longestAnswerMs = 300): Database =>
  openDatabase({ connectionString, maxConnections: 2, onError: () => undefined, longestAnswerMs });

/** The way to a database, which can be cut without either side being told, as when a machine loses its power. */
class Way {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(to: URL) {
    this.#server = createServer((near) => {
      const far = connect(Number(to.port), to.hostname);
      for (const socket of [near, far]) {
        this.#sockets.add(socket);
        socket.on('error', () => undefined);
      }
      near.pipe(far).pipe(near);
    });
  }

  async open(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  fallSilent(): void {
    for (const socket of this.#sockets) socket.unpipe().pause();
    this.#sockets.clear();
  }

  close(): void {
    this.#server.close();
    this.fallSilent();
  }
}

describe('openDatabase()', () => {
  it('gives up a database that fell silent instead of waiting for ever, and goes on when it is back', async () => {
    const url = new URL(postgres.url);
    const way = new Way(new URL(url));
    url.port = String(await way.open());
    url.hostname = '127.0.0.1';
    const database = open(url.href);
    await database.query('select 1');
    way.fallSilent();
    await expect(database.query('select 1')).rejects.toThrow('Query read timeout');
    expect((await database.query<{ two: number }>('select 2 as two')).rows).toEqual([{ two: 2 }]);
    const cut = database.transaction(async (client) => {
      await client.query('select 1');
      way.fallSilent();
      await client.query('select 1');
    });
    await expect(cut).rejects.toThrow('Query read timeout');
    expect((await database.query('select 1')).rowCount).toBe(1);
    await database.close();
    way.close();
  });

  it('lets PostgreSQL itself end what takes too long', async () => {
    const database = open(postgres.url);
    const { rows } = await database.query<{ statement_timeout: string }>('show statement_timeout');
    expect(rows[0]?.statement_timeout).toBe('30s');
    await database.close();
  });
});

describe('reachDatabase()', () => {
  it.each<[string, (url: URL) => void, RegExp]>([
    [
      'nothing listens',
      (url) => Object.assign(url, { port: '1' }),
      /127\.0\.0\.1:1\/.*nothing listens there: start PostgreSQL/,
    ],
    [
      'the host is none',
      (url) => Object.assign(url, { hostname: 'no-such-host.invalid' }),
      /no-such-host\.invalid.*(no such host|cannot be looked up)/,
    ],
    [
      'the database is none',
      (url) => Object.assign(url, { pathname: '/nowhere' }),
      /\/nowhere, there is no such database: make it/,
    ],
  ])('says the mend when %s, and no password', async (_what, spoil, message) => {
    const url = new URL(postgres.url);
    url.hostname = '127.0.0.1';
    url.password = url.password === '' ? 'hunter2' : url.password;
    spoil(url);
    const database = open(url.href, 10_000);
    const refused = await reachDatabase(database, url.href).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'unreachable', message: expect.stringMatching(message) });
    expect((refused as Error).message).not.toContain(url.password);
    await database.close();
  });
});
