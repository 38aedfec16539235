import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { PrometheusSource } from '@theseus/core/plan';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planSecrets } from '../secrets/fill-secrets.ts';
import type { PrometheusPlace } from './prometheus-client.ts';
import { queryRange } from './prometheus-client.ts';
import { readPrometheus } from './prometheus-source.ts';

const NOW = 1_700_000_000_000;

/** What a scripted Prometheus answers to a query; a text is sent as it is. */
type Script = (query: string) => { readonly status?: number; readonly body: unknown };

let server: Server;
let place: PrometheusPlace;
let script: Script = () => ({ body: {} });
const asked: { readonly path: string; readonly authorization: string | undefined; readonly query: string }[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const query = new URLSearchParams(body).get('query') ?? '';
      asked.push({ path: request.url ?? '', authorization: request.headers.authorization, query });
      const { status = 200, body: answer } = script(query);
      response.statusCode = status;
      if (status === 302) response.setHeader('location', '/elsewhere');
      response.end(typeof answer === 'string' ? answer : JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  place = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
});

afterAll(() => void server.close());

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}

const vector = (...values: readonly (readonly [number, string])[]) => ({
  status: 'success',
  data: { resultType: 'vector', result: values.map((value, at) => ({ metric: { pod: String(at) }, value })) },
});
const one = (value: string, at = NOW / 1_000) => vector([at, value]);

interface Asked extends Partial<PrometheusSource> {
  readonly flag?: string | null;
  readonly known?: PrometheusPlace | null;
}

function read({ flag = 'cache', known = place, ...source }: Asked = {}) {
  const from: PrometheusSource = {
    kind: 'prometheus',
    query: 'up',
    legacy: null,
    sample: null,
    url: null,
    scale: 1,
    ...source,
  };
  const signal = { name: 'errors', source: from, unit: 'percent', overMs: 60_000, freshForMs: 10_000 } as const;
  return readPrometheus(
    { runId: 'r', environment: 'production', signal, flag, since: 0, now: NOW },
    from,
    known,
    planSecrets(process.env),
  );
}

describe('readPrometheus()', () => {
  it('reads a number that is sent as text, with where it came from and how old it is [XR-3]', async () => {
    script = () => ({ body: one('0.034', NOW / 1_000 - 2) });
    expect(await read({ query: 'sum(rate(errors[1m]))', scale: 100 })).toEqual({
      signal: 'errors',
      status: 'ok',
      value: 3.4000000000000004,
      ageMs: 2_000,
      source: `prometheus ${place.url}`,
      query: 'sum(rate(errors[1m]))',
    });
    expect(asked.at(-1)?.path).toBe('/api/v1/query');
  });

  it('reads a scalar too', async () => {
    script = () => ({ body: { status: 'success', data: { resultType: 'scalar', result: [NOW / 1_000, '7'] } } });
    expect(await read()).toMatchObject({ status: 'ok', value: 7 });
  });

  it.each<[string, unknown, string, RegExp]>([
    ['no series', vector(), 'no-data', /no series fits/],
    ['NaN', one('NaN'), 'no-data', /answers NaN/],
    ['an infinity', one('+Inf'), 'no-data', /answers Infinity/],
    ['the other infinity', one('-Inf'), 'no-data', /answers -Infinity/],
    ['three series', vector([1, '1'], [1, '2'], [1, '3']), 'error', /3 series: aggregate them/],
    ['a value that is old', one('1', NOW / 1_000 - 11), 'stale', /^$/],
    [
      'a text as result',
      { status: 'success', data: { resultType: 'string', result: [1, 'x'] } },
      'error',
      /its result is/,
    ],
    [
      'a histogram',
      { status: 'success', data: { resultType: 'vector', result: [{ metric: {}, histogram: [1, {}] }] } },
      'error',
      /its result is/,
    ],
    ['what is no number', one('one'), 'error', /its result is/],
    ['warnings', { ...one('1'), warnings: ['store 3 is down'] }, 'error', /it warns: store 3 is down/],
    [
      'an error with status 200',
      { status: 'error', errorType: 'timeout', error: 'too slow' },
      'error',
      /timeout: too slow/,
    ],
    ['something else in JSON', { hello: 'world' }, 'error', /no answer of Prometheus/],
    ['a page', '<html>', 'error', /no answer of Prometheus: <html>/],
    ['nothing', '', 'error', /no answer of Prometheus/],
  ])('never takes %s for health [CV-3] [XR-3]', async (_name, body, status, problem) => {
    script = () => ({ body });
    const reading = await read();
    expect(reading.status).toBe(status);
    expect(reading.problem ?? '').toMatch(problem);
    if (status !== 'stale') expect(reading.value).toBeNull();
  });

  it.each<[number, unknown, RegExp]>([
    [400, { status: 'error', errorType: 'bad_data', error: 'parse error: unexpected "}"' }, /bad_data: parse error/],
    [422, { status: 'error', errorType: 'execution', error: 'multiple matches for labels' }, /execution: multiple/],
    [401, '', /HTTP 401: the token is missing or refused/],
    [404, 'not found', /HTTP 404/],
    [503, { status: 'error', errorType: 'unavailable', error: 'starting up' }, /unavailable: starting up/],
    [500, 'oops', /HTTP 500/],
    [302, '', /could not be asked/],
  ])('tells HTTP %d as an error with its reason [XR-3]', async (status, body, problem) => {
    script = () => ({ status, body });
    expect(await read()).toMatchObject({ status: 'error', value: null, problem: expect.stringMatching(problem) });
  });

  it('takes hints for hints', async () => {
    script = () => ({ body: { ...one('1'), infos: ['metric might not be a counter'] } });
    expect(await read()).toMatchObject({ status: 'ok', value: 1 });
  });

  it('says when nobody listens there, and when no Prometheus is known', async () => {
    expect(await read({ known: { url: 'http://127.0.0.1:59999' } })).toMatchObject({
      status: 'error',
      problem: expect.stringContaining('ECONNREFUSED'),
    });
    expect(await read({ known: null })).toMatchObject({
      status: 'error',
      problem: expect.stringContaining('--prometheus'),
    });
  });

  it('knows the legacy arm and the requests behind a value where it is given queries for them', async () => {
    script = (query) => ({ body: query === 'legacy' ? one('2') : query === 'sample' ? one('140.7') : one('5') });
    expect(await read({ legacy: 'legacy', sample: 'sample' })).toMatchObject({ value: 5, legacy: 2, sample: 140 });
  });

  it('takes no series of requests for no requests, and a failing side query for a failure', async () => {
    script = (query) => ({ body: query === 'sample' ? vector() : one('5') });
    expect(await read({ sample: 'sample' })).toMatchObject({ status: 'ok', sample: 0 });
    script = (query) => (query === 'legacy' ? { status: 500, body: '' } : { body: one('5') });
    expect(await read({ legacy: 'legacy' })).toMatchObject({
      status: 'error',
      problem: 'for legacy, it answered HTTP 500',
    });
  });

  it('asks for the flag and the environment that are judged, whatever their names hold', async () => {
    script = () => ({ body: one('1') });
    await read({ query: 'up{flag="${{ flag }}",env="${{environment}}"}', flag: 'a"b\\c' });
    expect(asked.at(-1)?.query).toBe('up{flag="a\\"b\\\\c",env="production"}');
    expect(await read({ query: '${{ flag }}', flag: null })).toMatchObject({ status: 'no-data' });
  });

  it('shows no secret: neither its token nor what stands in the address', async () => {
    script = () => ({ body: one('1') });
    await read({ known: { ...place, token: 'very-secret' } });
    expect(asked.at(-1)?.authorization).toBe('Bearer very-secret');
    process.env['THESEUS_PLAN_TEST_PASSWORD'] = 'pass-word';
    const url = `${place.url.replace('://', '://ana:${{ env.THESEUS_PLAN_TEST_PASSWORD }}@')}?tenant=7`;
    const reading = await read({ url });
    expect(asked.at(-1)?.authorization).toBe(`Basic ${Buffer.from('ana:pass-word').toString('base64')}`);
    expect(JSON.stringify(reading)).not.toMatch(/pass-word|THESEUS_PLAN_TEST_PASSWORD|tenant/);
  });
});

describe('queryRange()', () => {
  it('reads the samples of each series, in the order of time', async () => {
    script = () => ({
      body: {
        status: 'success',
        data: {
          resultType: 'matrix',
          result: [
            {
              metric: { arm: 'legacy' },
              values: [
                [10, '1'],
                [20, 'NaN'],
                [30, '3'],
              ],
            },
          ],
        },
      },
    });
    const answer = await queryRange(place, { query: 'up', from: 10_000, to: 30_000, stepMs: 10_000 });
    expect(answer).toEqual({
      kind: 'series',
      series: [
        {
          labels: { arm: 'legacy' },
          samples: [
            { at: 10_000, value: 1 },
            { at: 20_000, value: Number.NaN },
            { at: 30_000, value: 3 },
          ],
        },
      ],
    });
    expect(asked.at(-1)?.path).toBe('/api/v1/query_range');
  });
});
