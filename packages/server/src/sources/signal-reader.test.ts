import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Signal, SignalSource } from '@theseus/core/plan';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { runCommand } from '../commands/run-command.ts';
import { planSecrets } from '../secrets/fill-secrets.ts';
import { followPointer } from './json-pointer.ts';
import { type SignalReaderParts, signalReader } from './signal-reader.ts';

const NOW = 1_000_000;
const arm = (requests: number, errors: number) => ({ requests, errors, fallbacks: 0, latency: [] });

let server: Server;
let url: string;
let answer: (response: ServerResponse) => void = (response) => void response.end();

beforeAll(async () => {
  server = createServer((_request, response) => answer(response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});

afterAll(() => void server.close());

function read(source: SignalSource, parts: Partial<SignalReaderParts> = {}) {
  const signal: Signal = { name: 'watched', source, unit: 'count', overMs: 60_000, freshForMs: 10_000 };
  const reader = signalReader({
    allowRun: true,
    folder: process.cwd(),
    run: runCommand,
    telemetry: {
      window: async () => ({
        legacy: arm(0, 0),
        candidate: arm(0, 0),
        agreement: { compared: 0, equal: 0 },
        newestAt: null,
      }),
    },
    reported: { latest: async () => null },
    alerts: { alert: async () => ({ firing: 0, heardAt: null }) },
    sql: { read: async () => ({ signal: 'watched', status: 'no-data', value: null, ageMs: 0, source: 'sql' }) },
    prometheus: null,
    fillSecrets: planSecrets(process.env),
    ...parts,
  });
  return reader([{ runId: 'r', environment: 'default', signal, flag: 'cache', since: NOW - 30_000, now: NOW }]).then(
    ([reading]) => reading,
  );
}

const http = (body: string, pointer = '/value', status = 200) => {
  answer = (response) => {
    response.statusCode = status;
    response.end(body);
  };
  return read({ kind: 'http', url, pointer });
};

describe('an HTTP source', () => {
  it.each([
    ['{"value": 12.5}', 12.5],
    ['{"value": "12.5"}', 12.5],
    ['{"value": 0}', 0],
  ])('reads %s', async (body, value) => expect(await http(body)).toMatchObject({ status: 'ok', value }));

  it.each(['{"value": null}', '{"value": "NaN"}', '{"value": {}}', '{}', '[]'])(
    'takes %s for no data, never for zero',
    async (body) => expect(await http(body)).toMatchObject({ status: 'no-data', value: null }),
  );

  it('takes a refusal, a redirect, nonsense and a dead server for errors', async () => {
    expect(await http('{"value": 1}', '/value', 500)).toMatchObject({
      status: 'error',
      problem: 'the source answered HTTP 500',
    });
    expect(await http('{"value": 1}', '/value', 302)).toMatchObject({ status: 'error' });
    expect(await http('<html>')).toMatchObject({ status: 'error' });
    expect(await read({ kind: 'http', url: 'http://127.0.0.1:1/', pointer: '' })).toMatchObject({ status: 'error' });
  });

  it('tells of an answer that is no text without the NUL that no database keeps', async () => {
    expect((await http('\0\0'))?.problem).toMatch(/^[^\0]+$/);
  });

  it('shows no secret of an address that cannot be asked', async () => {
    vi.stubEnv('THESEUS_PLAN_PASSWORD', 'hunter2');
    const url = 'http://ada:${{ env.THESEUS_PLAN_PASSWORD }}@127.0.0.1:1/';
    const reading = await read({ kind: 'http', url, pointer: '' });
    expect(reading).toMatchObject({ status: 'error', source: `http ${url}` });
    expect(JSON.stringify(reading)).not.toContain('hunter2');
    vi.unstubAllEnvs();
  });
});

describe('a command source', () => {
  const command = (script: string, allowRun = true) =>
    read({ kind: 'command', argv: [process.execPath, '-e', script] }, { allowRun });

  it('reads the last line; an exit code or no number is no value', async () => {
    expect(await command('console.log("hello"); console.log(42)')).toMatchObject({ status: 'ok', value: 42 });
    expect(await command('console.log("many")')).toMatchObject({ status: 'no-data' });
    expect(await command('process.exit(2)')).toMatchObject({
      status: 'error',
      problem: 'the command ended with exit code 2',
    });
    expect(await command('console.log(1)', false)).toMatchObject({
      status: 'error',
      problem: expect.stringContaining('--allow-run'),
    });
  });
});

describe('a reported source', () => {
  const reportedAt = (at: number) =>
    read({ kind: 'reported' }, { reported: { latest: async () => ({ value: 21, at, by: 'ana', sample: 140 }) } });

  it('counts a report while it is fresh, and says when nobody has reported [CO-10]', async () => {
    expect(await reportedAt(NOW - 10_000)).toMatchObject({
      status: 'ok',
      value: 21,
      sample: 140,
      source: 'reported by ana',
    });
    expect(await reportedAt(NOW - 10_001)).toMatchObject({ status: 'stale' });
    expect(await read({ kind: 'reported' })).toMatchObject({ status: 'no-data' });
  });
});

describe('an alert', () => {
  const alert = (firing: number, heardAt: number | null) =>
    read(
      { kind: 'alert', alert: 'ErrorsHigh', labels: { team: 'search' } },
      { alerts: { alert: async () => ({ firing, heardAt }) } },
    );

  it('reads 1 while it fires and 0 while Alertmanager says that it does not [XR-3]', async () => {
    const query = 'ErrorsHigh{team="search"}';
    expect(await alert(2, NOW)).toMatchObject({ status: 'ok', value: 1, source: 'alertmanager', query });
    expect(await alert(0, NOW - 10_000)).toMatchObject({ status: 'ok', value: 0 });
  });

  it('never takes silence for health, and goes on firing until it is told otherwise [XR-3]', async () => {
    expect(await alert(0, NOW - 10_001)).toMatchObject({ status: 'stale' });
    expect(await alert(0, null)).toMatchObject({ status: 'no-data', value: null });
    expect(await alert(1, NOW - 3_600_000)).toMatchObject({ status: 'ok', value: 1 });
  });
});

describe('a telemetry source', () => {
  const telemetry = (
    metric: 'error-rate' | 'success-rate' | 'request-rate' | 'agreement-rate',
    candidate = arm(200, 10),
    newestAt: number | null = NOW,
    agreement = { compared: 0, equal: 0 },
  ) =>
    read(
      { kind: 'telemetry', metric },
      { telemetry: { window: async () => ({ legacy: arm(100, 1), candidate, agreement, newestAt }) } },
    );

  it('reads rates of both arms with their sample [CV-3]', async () => {
    expect(await telemetry('error-rate')).toMatchObject({ status: 'ok', value: 5, legacy: 1, sample: 200 });
    expect(await telemetry('success-rate')).toMatchObject({ value: 95, legacy: 99 });
    expect(await telemetry('request-rate')).toMatchObject({ value: 10 });
  });

  it('reads in how many percent of compared reads both sides of a migration agree [CV-14]', async () => {
    const compared = (equal: number) => telemetry('agreement-rate', arm(0, 0), NOW, { compared: 400, equal });
    expect(await compared(398)).toMatchObject({ status: 'ok', value: 99.5, sample: 400 });
    expect(await compared(400)).toMatchObject({ status: 'ok', value: 100 });
    expect(await telemetry('agreement-rate')).toMatchObject({ status: 'no-data', value: null, sample: 0 });
  });

  it('never takes silence for health [CV-3]', async () => {
    expect(await telemetry('error-rate', arm(0, 0))).toMatchObject({ status: 'no-data' });
    expect(await telemetry('error-rate', arm(200, 0), NOW - 20_000)).toMatchObject({ status: 'stale', value: null });
    expect(await telemetry('error-rate', arm(0, 0), null)).toMatchObject({ status: 'no-data' });
  });
});

describe('followPointer()', () => {
  it.each<[string, unknown]>([
    ['', { a: [1, { 'b/c': 2, 'd~e': 3 }] }],
    ['/a/0', 1],
    ['/a/1/b~1c', 2],
    ['/a/1/d~0e', 3],
    ['/a/2', undefined],
    ['/__proto__', undefined],
    ['/a/01', undefined],
  ])('follows %j', (pointer, expected) =>
    expect(followPointer({ a: [1, { 'b/c': 2, 'd~e': 3 }] }, pointer)).toEqual(expected),
  );
});
