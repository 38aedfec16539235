import type { TelemetryBatch } from '@theseus/core/health';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { documentOf, FakeServer, flagOf, TOKEN } from '../../test-support/fake-server.ts';
import type { LogEntry } from '../log-gate.ts';
import { createTheseusWith, type TheseusClient } from '../theseus-client.ts';

const USER = { userId: 'user-1' };

let server: FakeServer;
let client: TheseusClient;
let lines: LogEntry[];

beforeEach(async () => {
  server = await new FakeServer().start();
  lines = [];
});
afterEach(async () => {
  await client.close();
  await server.kill();
});

function connect(): TheseusClient {
  const log = (line: LogEntry): void => void lines.push(line);
  client = createTheseusWith({ url: server.url, token: TOKEN, service: 'front', log }, { random: () => 0.05 });
  return client;
}

describe('TelemetrySender', () => {
  test('sends what users did again, unchanged, until it is acknowledged', async () => {
    server.database.document = documentOf(1, [flagOf('on', { epoch: 1 })], { flushEveryMs: 100 });
    const bodies: TelemetryBatch[] = [];
    server.onTelemetry = (_request, response, body) => {
      bodies.push(JSON.parse(body));
      const isLost = bodies.filter(({ users }) => users !== undefined).length === 1;
      if (!isLost) return server.takeTelemetry(response, body);
      client.route('on', { userId: 'user-2' }, arms);
      response.destroy();
    };
    connect();
    await client.ready();
    const arms = { legacy: () => 1, candidate: () => 2 };
    client.route('on', USER, arms);
    await server.batch(({ users }) => users?.sequence === 2);
    const sent = bodies.filter(({ users }) => users !== undefined);
    expect(sent.map(({ users }) => users?.sequence)).toEqual([1, 1, 2]);
    expect(sent[1]?.users).toEqual(sent[0]?.users);
    expect(sent[2]?.flags['on']?.candidate).toMatchObject({ requests: 2, compared: 'all' });
    const seen = sent.slice(1).flatMap(({ users }) => users?.flags['on']?.candidate ?? []);
    expect(seen.filter((_, at) => at % 5 === 1)).toEqual([1, 1]);
  });

  test('never sends the key of a user', async () => {
    server.database.document = documentOf(1, [flagOf('on', { epoch: 1 })]);
    const bodies: string[] = [];
    server.onTelemetry = (_request, response, body) => {
      bodies.push(body);
      server.takeTelemetry(response, body);
    };
    connect();
    await client.ready();
    client.route('on', { userId: 'somebody@example.org' }, { legacy: () => 1, candidate: () => 2 });
    await client.close();
    expect(bodies.some((body) => body.includes('"users"'))).toBe(true);
    expect(bodies.some((body) => body.includes('somebody'))).toBe(false);
  });

  test('sends an older server what it understands, and the users as soon as there is a newer one', async () => {
    server.database.document = documentOf(1, [flagOf('on', { epoch: 1 })], { flushEveryMs: 100 });
    let isOld = true;
    server.onTelemetry = (_request, response, body) => {
      if (isOld && /"(users|compared)":/.test(body)) response.writeHead(400).end();
      else server.takeTelemetry(response, body);
    };
    connect();
    await client.ready();
    client.route('on', USER, { legacy: () => 1, candidate: () => 2 });
    await server.batch(({ flags }) => flags['on']?.candidate.requests === 1);
    expect(server.batches.some(({ users }) => users !== undefined)).toBe(false);
    isOld = false;
    expect((await server.batch(({ users }) => users !== undefined)).users?.sequence).toBe(1);
    expect(lines).toEqual([]);
  });
});
