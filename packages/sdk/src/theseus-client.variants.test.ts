import { type FlagDefinition, PER_CALL } from '@theseus/core/flag';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { documentOf, FakeServer, flagOf, TOKEN } from '../test-support/fake-server.ts';
import type { LogEntry } from './log-gate.ts';
import { createTheseusWith, type TheseusClient } from './theseus-client.ts';

const USER = { userId: 'user-1' };

let server: FakeServer;
let clients: TheseusClient[];
let lines: LogEntry[];

beforeEach(async () => {
  server = await new FakeServer().start();
  server.database.document = documentOf(1, [flagOf('on')]);
  clients = [];
  lines = [];
});
afterEach(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await server.kill();
});

function connect(random = () => 0.05): TheseusClient {
  const log = (line: LogEntry) => lines.push(line);
  const client = createTheseusWith({ url: server.url, token: TOKEN, service: 'front', log }, { random });
  clients.push(client);
  return client;
}

describe('exposure by operation', () => {
  test('per call draws anew for each call, and counts it as compared [CO-4]', async () => {
    server.database.document = documentOf(2, [flagOf('scraper', { cohort: PER_CALL, exposure: 10_000, epoch: 2 })]);
    let draws = 0;
    // A million steps through all that chance could say.
    const client = connect(() => ((draws++ * 618_033) % 1_000_003) / 1_000_003);
    await client.ready();
    const arms = Array.from({ length: 5_000 }, () =>
      client.route('scraper', USER, { legacy: (arm): string => arm, candidate: (arm): string => arm }),
    );
    const taken = arms.filter((arm) => arm === 'candidate').length;
    expect(Math.abs(taken / arms.length - 0.1)).toBeLessThan(0.02);
    await client.close();
    const { flags, users } = await server.batch((batch) => batch.flags['scraper'] !== undefined);
    expect(flags['scraper']?.candidate).toMatchObject({ requests: taken, compared: 'all' });
    expect(users).toBeUndefined();
  });

  test('draws nothing where no flag asks for it', async () => {
    const random = vi.fn(() => 0.05);
    const client = connect(random);
    await client.ready();
    random.mockClear();
    expect(client.enabled('on', USER)).toBe(true);
    client.route('on', USER, { legacy: () => 'old', candidate: () => 'new' });
    expect(random).not.toHaveBeenCalled();
  });
});

describe('variants and goals', () => {
  const variants = [
    { name: 'short', weight: 50_000 },
    { name: 'long', weight: 50_000 },
  ];
  const reply = (changes: Partial<FlagDefinition> = {}) =>
    flagOf('reply', { epoch: 2, variants, goals: ['replied'], ...changes });

  test('are routed by name, and each way is told its own [CO-7]', async () => {
    server.database.document = documentOf(2, [reply({ exposure: 50_000 })]);
    const client = connect();
    await client.ready();
    const seen = new Set<string>();
    for (let user = 0; user < 200; user += 1) {
      const context = { userId: `user-${user}` };
      const ways = { legacy: () => 'old', short: (name: 'short') => name, long: (name: 'long') => name };
      const answer: string = client.route('reply', context, ways);
      const variant = client.variant('reply', context);
      expect(answer).toBe(variant === 'legacy' ? 'old' : variant);
      expect(client.details('reply', context).variant).toBe(variant);
      seen.add(variant);
    }
    expect([...seen].toSorted()).toEqual(['legacy', 'long', 'short']);
  });

  test('take candidate, or else legacy and uncounted, where the program has no way for one', async () => {
    server.database.document = documentOf(2, [reply()]);
    const client = connect();
    await client.ready();
    expect(client.route('reply', USER, { legacy: () => 'old', candidate: () => 'new' })).toBe('new');
    expect(client.route('reply', USER, { legacy: () => 'old', other: () => 'other' })).toBe('old');
    await client.close();
    const { flags } = await server.batch((batch) => batch.flags['reply'] !== undefined);
    expect(flags['reply']).toMatchObject({ legacy: { requests: 0 }, candidate: { requests: 1 } });
  });

  test('track() sends what a subject reached, whoever routed them, and never throws [CO-7]', async () => {
    server.database.document = documentOf(2, [reply(), flagOf('silent', { epoch: 2 })]);
    const client = connect();
    client.track('replied', USER);
    await client.ready();
    client.track('replied', USER);
    client.track('replied', USER, { value: 2 });
    client.track('replied', {}, { value: 2 });
    client.track('unknown', USER);
    client.track('replied', USER, { value: Number.NaN });
    client.track('replied', null as never, null as never);
    await client.close();
    const { users } = await server.batch((batch) => batch.users !== undefined);
    expect(users).toMatchObject({
      flags: {},
      goals: { reply: { split: 2, goals: { replied: [expect.any(Number), 2, 2] } } },
    });
    expect(lines.map(({ message }) => message)).toContainEqual(
      "Cannot track 'replied' with the value NaN: it must be a finite number",
    );
  });
});
