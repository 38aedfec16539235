import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { learnShape, type Reading } from '@theseus/core/health';
import type { PrometheusSource, Signal } from '@theseus/core/plan';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { HistoryAnswer, HourOfReports, SignalHistory } from '../ports/signal-history.ts';
import { stepFor } from './prometheus-baseline.ts';
import type { PrometheusPlace } from './prometheus-client.ts';
import { historyReader } from './signal-history.ts';

const HOUR = 3_600_000;
const WEEK = 168 * HOUR;
const NOW = Date.UTC(2026, 4, 4, 9);

interface Asked {
  readonly query: string;
  /** Epoch milliseconds. */
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

/** What Prometheus has at a moment: a number as text, or nothing. */
type Memory = (at: number) => string | null;

let server: Server;
let place: PrometheusPlace;
let asked: Asked[] = [];
let memory: Memory = () => '1';
let series = 1;
let refusal: string | null = null;

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += String(chunk);
    });
    request.on('end', () => {
      const form = new URLSearchParams(body);
      const [start, end, step] = ['start', 'end', 'step'].map((name) => Number(form.get(name)) * 1_000);
      const range = { query: form.get('query') ?? '', start: start ?? 0, end: end ?? 0, step: step ?? 1 };
      asked.push(range);
      response.end(
        JSON.stringify(refusal === null ? matrix(range) : { status: 'error', errorType: 'bad', error: refusal }),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  place = { url: `http://ana:secret@127.0.0.1:${(server.address() as AddressInfo).port}` };
});

afterAll(() => void server.close());

beforeEach(() => {
  asked = [];
  memory = () => '1';
  series = 1;
  refusal = null;
});

/** As Prometheus answers, with its own limit. */
function matrix({ start, end, step }: Asked): unknown {
  if ((end - start) / step >= 11_000) {
    return {
      status: 'error',
      errorType: 'bad_data',
      error: 'exceeded maximum resolution of 11,000 points per timeseries',
    };
  }
  const values: [number, string][] = [];
  for (let at = start; at <= end; at += step) {
    const value = memory(at);
    if (value !== null) values.push([at / 1_000, value]);
  }
  const result = Array.from({ length: values.length === 0 ? 0 : series }, (_, at) => ({
    metric: { pod: String(at) },
    values,
  }));
  return { status: 'success', data: { resultType: 'matrix', result } };
}

const signalFrom = (source: Signal['source'], changes: Partial<Signal> = {}): Signal => ({
  name: 'latency',
  source,
  unit: 'ms',
  overMs: 60_000,
  freshForMs: 60_000,
  ...changes,
});
const prometheus = (changes: Partial<PrometheusSource> = {}): Signal =>
  signalFrom({ kind: 'prometheus', query: 'p95', legacy: null, sample: null, url: null, scale: 1, ...changes });

interface World {
  readonly reports?: readonly HourOfReports[];
  readonly readings?: readonly Reading[];
  readonly known?: PrometheusPlace | null;
  readonly overMs?: number;
  readonly flags?: readonly string[];
}

function read(
  signal: Signal,
  { reports = [], readings = [], known = place, overMs = 4 * WEEK, flags = ['cache'] }: World = {},
) {
  const reader = historyReader({
    reported: { reports: async () => reports },
    readAll: async () => readings,
    prometheus: known,
    fillSecrets: (text) => text,
  });
  return reader({ runId: 'r', environment: 'production', signal, flags, from: NOW - overMs, to: NOW });
}

function historyIn(answer: HistoryAnswer | undefined): SignalHistory {
  if (answer?.kind !== 'history') throw new Error(answer?.problem ?? 'no answer');
  return answer.history;
}

const only = async (signal: Signal, world?: World) => historyIn((await read(signal, world))[0]?.answer);
const problem = async (signal: Signal, world?: World) => {
  const [found] = await read(signal, world);
  return found?.answer.kind === 'unreadable' ? found.answer.problem : '';
};

describe('what Prometheus remembers', () => {
  it('is read over the whole time, and holds the hours of the week [CV-12] [QA-2]', async () => {
    memory = (at) => (new Date(at).getUTCHours() === 9 ? '0.3' : '0.1');
    const history = await only(prometheus({ scale: 1_000 }));
    expect(history.value).toBeCloseTo(100 + 200 / 24, 0);
    expect(history).toMatchObject({
      over: { from: NOW - 4 * WEEK, to: NOW },
      sample: { of: 'samples' },
      source: place.url.replace('http://ana:secret@', 'prometheus http://'),
      query: 'p95',
    });
    const learnt = learnShape(history.hours ?? [], history.value);
    if (learnt.kind === 'none') throw new Error(learnt.why);
    expect(learnt.shape.hours[9]).toBeCloseTo(300);
    expect(learnt.shape.hours[10]).toBeCloseTo(100);
  });

  it('is asked for in parts that Prometheus does not refuse, each moment once [CV-12]', async () => {
    memory = () => '5';
    const history = await only(prometheus(), { overMs: 10 * WEEK });
    expect(asked.length).toBeGreaterThan(1);
    expect(history.sample?.count).toBe(Math.floor((10 * WEEK) / 300_000) + 1);
    for (const { start, end, step } of asked) expect((end - start) / step).toBeLessThan(11_000);
  });

  it.each([
    [60_000, 15_000],
    [24 * HOUR, 15_000],
    [4 * WEEK, 300_000],
    [52 * WEEK, 300_000],
  ])('of %i ms has a sample each %i ms', (spanMs, stepMs) => expect(stepFor(spanMs)).toBe(stepMs));

  it('has gaps where nothing was scraped or divided, and they are no zeros [CV-12]', async () => {
    memory = (at) => (at < NOW - 2 * WEEK ? null : new Date(at).getUTCHours() < 6 ? 'NaN' : '8');
    const history = await only(prometheus());
    expect(history.value).toBe(8);
    expect(history.over.from).toBeGreaterThanOrEqual(NOW - 2 * WEEK);
    expect(new Set(history.hours?.map(({ sum }) => sum))).toEqual(new Set([8]));
  });

  it('is that of legacy where the signal tells the arms apart: nobody was on the candidate', async () => {
    await only(prometheus({ legacy: 'p95{arm="legacy"}' }));
    expect(asked.map(({ query }) => query)).toEqual(['p95{arm="legacy"}']);
  });

  it('is asked flag by flag where the query names one', async () => {
    const found = await read(prometheus({ query: 'p95{flag="${{ flag }}"}' }), { flags: ['cache', 'search'] });
    expect(found.map(({ flag }) => flag)).toEqual(['cache', 'search']);
    expect(asked.map(({ query }) => query).sort()).toEqual(['p95{flag="cache"}', 'p95{flag="search"}']);
  });

  it.each<[string, () => void, string]>([
    [
      'nothing',
      () => {
        memory = () => null;
      },
      'no series fits',
    ],
    [
      'no number',
      () => {
        memory = () => 'NaN';
      },
      'nothing was divided by nothing',
    ],
    [
      'several series',
      () => {
        series = 2;
      },
      'answers 2 series: aggregate them',
    ],
    [
      'a refusal',
      () => {
        refusal = 'parse error';
      },
      'bad: parse error',
    ],
  ])('cannot be read where it answers %s, and says so', async (_what, arrange, told) => {
    arrange();
    expect(await problem(prometheus())).toContain(told);
  });

  it('cannot be read where no Prometheus is known', async () => {
    expect(await problem(prometheus(), { known: null })).toContain('--prometheus URL');
  });
});

describe('other sources', () => {
  const reported = signalFrom({ kind: 'reported' }, { name: 'satisfaction', unit: 'percent' });
  const reading: Reading = { signal: 'queue', status: 'ok', value: 7, ageMs: 500, source: 'http https://app.example' };

  it('remember what was reported, each report alike [CV-12] [PX-15]', async () => {
    const reports = [
      { at: NOW - 3 * HOUR, sum: 180, count: 2, oldestAt: NOW - 3 * HOUR, newestAt: NOW - 2.5 * HOUR },
      { at: NOW - HOUR, sum: 96, count: 1, oldestAt: NOW - HOUR, newestAt: NOW - HOUR },
    ];
    expect(await only(reported, { reports })).toMatchObject({
      value: 92,
      over: { from: NOW - 3 * HOUR, to: NOW - HOUR },
      sample: { count: 3, of: 'reports' },
      hours: [
        { slot: 6, sum: 180, weight: 2 },
        { slot: 8, sum: 96, weight: 1 },
      ],
    });
  });

  it('fall back to the value that still counts, where nobody reported in that time', async () => {
    expect(await only(reported, { readings: [reading] })).toMatchObject({ value: 7, hours: null });
  });

  it.each<Signal['source']>([
    { kind: 'http', url: 'https://app.example', pointer: '' },
    { kind: 'command', argv: ['node', 'count.mjs'] },
    { kind: 'sql', query: 'select 7', database: 'postgres://', scale: 1 },
  ])('have one value, as it is now, and no hours: %o [CV-12]', async (source) => {
    expect(await only(signalFrom(source), { readings: [reading] })).toEqual({
      value: 7,
      over: { from: NOW - 500, to: NOW - 500 },
      source: 'http https://app.example',
      hours: null,
    });
  });

  it('say why they have nothing', async () => {
    const none = { ...reading, value: null };
    expect(await problem(reported, { readings: [{ ...none, status: 'no-data', problem: 'nobody said' }] })).toBe(
      'nobody said',
    );
    expect(await problem(reported, { readings: [{ ...none, status: 'stale', ageMs: 90_000 }] })).toContain('90 s old');
    expect(await problem(reported)).toBe('it was not measured');
  });
});
