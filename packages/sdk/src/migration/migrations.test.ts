import { afterEach, describe, expect, test } from 'vitest';
import { FakeServer, TOKEN } from '../../test-support/fake-server.ts';
import { flagAt, givenMigrations, givenSides } from '../../test-support/given-migration.ts';
import { createTheseus } from '../theseus-client.ts';
import { memoryRepairQueue } from './memory-repair-queue.ts';
import type { MigrationOptions } from './migration-options.ts';

const WHO = { userId: 'user-1' };
const servers: FakeServer[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.kill()));
});

async function connected() {
  const server = new FakeServer();
  servers.push(server);
  await server.start();
  server.database.document = { ...server.database.document, flushEveryMs: 100, flags: { moved: flagAt('shadow') } };
  const theseus = createTheseus({ url: server.url, token: TOKEN, service: 'front', log: () => undefined });
  await theseus.ready();
  return { server, theseus };
}

describe('a client’s migrations', () => {
  test('report differences and repairs with the last telemetry, shadows under way included [CV-14] [CV-2]', async () => {
    const { server, theseus } = await connected();
    const migration = theseus.migration('moved', {
      read: { legacy: async () => 'a', candidate: async () => 'b' },
      write: {
        legacy: async () => 1,
        candidate: { run: async () => Promise.reject(new Error('down')), idempotent: true },
      },
    });
    expect(await migration.write(WHO, { n: 1 })).toBe(1);
    expect(await migration.read(WHO, 1)).toBe('a');
    await theseus.close();
    expect(server.batches.at(-1)?.flags['moved']).toMatchObject({
      repairs: { pending: 1, failed: 0 },
      differences: { compared: 1, different: 1, paths: [{ path: '$', kind: 'changed', count: 1 }] },
    });
    // Reads go on being answered.
    expect(await migration.read(WHO, 1)).toBe('a');
  });

  test('are left out for a server that is too old to take them', async () => {
    const { server, theseus } = await connected();
    const take = server.onTelemetry;
    server.onTelemetry = (request, response, body) => {
      if (!body.includes('"differences"')) return take(request, response, body);
      response.writeHead(400, { 'content-type': 'application/problem+json' }).end('{"code":"unsupported"}');
    };
    const migration = theseus.migration('moved', { read: givenSides('sync') });
    migration.read(WHO, 1);
    await migration.close();
    await expect.poll(() => server.database.sum('moved', 'candidate').requests, { timeout: 15_000 }).toBe(1);
    await theseus.close();
  }, 20_000);

  test('of one flag share its health, and each operation is defined once', () => {
    const { migrations } = givenMigrations(flagAt('off'));
    const read = givenSides('sync');
    const one = migrations.define('moved', { read });
    const other = migrations.define('moved', { read, operation: 'other' });
    one.read(WHO, 1);
    other.read(WHO, 1);
    expect(one.health()).toEqual(other.health());
    expect(one.health().legacy.requests).toBe(2);
    expect(() => migrations.define('moved', { read })).toThrow(/twice/);
  });

  test('without writes refuse one', async () => {
    const { migrations } = givenMigrations(flagAt('off'));
    const migration = migrations.define('moved', { read: givenSides('sync') });
    await expect(migration.write(WHO, 1)).rejects.toThrow(/defined without 'write'/);
  });

  const read = givenSides('sync');
  test.each<[Partial<MigrationOptions<unknown, unknown>>, RegExp]>([
    [{ read: undefined as never }, /'read.legacy': it must be a function/],
    [{ read: { legacy: read.legacy } as never }, /'read.candidate'/],
    [{ write: { legacy: read.legacy } as never }, /'write.candidate'/],
    [{ write: { ...read, legacy: { idempotent: true } as never } }, /'write.legacy.run'/],
    [{ write: { ...read, key: 'id' as never } }, /'write.key'/],
    [{ operation: 'a b' }, /'operation'/],
    [{ redact: 'no' as never }, /'redact'/],
    [{ copy: 'no' as never }, /'copy'/],
    [{ shadows: { room: 0 } }, /'shadows.room': it must be a number from 1/],
    [{ compare: { ignore: ['x'] } }, /paths look like/],
  ])('cannot be defined by %o', (options, reason) => {
    const { migrations } = givenMigrations(flagAt('off'));
    expect(() => migrations.define('moved', { read, ...options })).toThrow(reason);
  });

  test('keep repairs of several operations in one queue apart', async () => {
    const { migrations } = givenMigrations(flagAt('dualwrite'));
    const repairs = memoryRepairQueue();
    const done: string[] = [];
    const define = (operation: string) =>
      migrations.define('moved', {
        operation,
        repairs,
        read,
        write: {
          legacy: () => 1,
          candidate: {
            idempotent: true,
            run: (n: unknown) => {
              if (done.length === 0) {
                done.push('failed once');
                throw new Error('down');
              }
              return done.push(`${operation} ${String(n)}`);
            },
          },
        },
      });
    const [one, other] = [define('one'), define('other')];
    await one.write(WHO, 1);
    await other.write(WHO, 2);
    await expect.poll(() => done).toEqual(['failed once', 'one 1', 'other 2']);
    await migrations.close();
  });
});
