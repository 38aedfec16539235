import { expect, test } from 'vitest';
import { givenAssignment } from '../../test-support/given-assignment.ts';
import { TelemetryCounters } from './flag-counters.ts';

test('TelemetryCounters tells what changed since it was last acknowledged, as sums since the beginning', () => {
  const counters = new TelemetryCounters();
  counters.of('a')?.countRequest(givenAssignment('legacy'), 5, 'answered');
  counters.of('b')?.countRequest(givenAssignment('candidate'), 5, 'failed');
  const first = counters.changed(100_000);
  expect(Object.keys(JSON.parse(first.json))).toEqual(['a', 'b']);
  // What is counted while the batch is on its way is not acknowledged with it.
  counters.of('b')?.countFallback();
  first.acknowledge();
  const second = counters.changed(100_000);
  expect(JSON.parse(second.json)).toEqual({
    b: {
      legacy: { requests: 0, errors: 0, fallbacks: 0, latency: [] },
      candidate: { requests: 1, errors: 1, fallbacks: 1, latency: [expect.any(Number), 1] },
    },
  });
  second.acknowledge();
  expect(counters.changed(100_000).json).toBe('{}');
});

test('TelemetryCounters offers the same again when a batch was lost', () => {
  const counters = new TelemetryCounters();
  counters.of('a')?.countRequest(givenAssignment('legacy'), 5, 'answered');
  expect(counters.changed(100_000).json).toBe(counters.changed(100_000).json);
});

test('TelemetryCounters spreads over batches what does not fit into one', () => {
  const counters = new TelemetryCounters();
  for (let n = 0; n < 100; n += 1) counters.of(`flag-é-${n}`)?.countRequest(givenAssignment('legacy'), n, 'answered');
  const seen: string[] = [];
  for (let more = true; more; ) {
    const part = counters.changed(3000);
    expect(Buffer.byteLength(part.json)).toBeLessThanOrEqual(3000);
    seen.push(...Object.keys(JSON.parse(part.json)));
    part.acknowledge();
    more = part.more;
  }
  expect(new Set(seen).size).toBe(100);
  expect(seen).toHaveLength(100);
});

test('TelemetryCounters counts a limited number of flags', () => {
  const counters = new TelemetryCounters(2);
  expect(counters.of('a')).toBeDefined();
  expect(counters.of('b')).toBeDefined();
  expect(counters.of('c')).toBeUndefined();
  expect(counters.of('a')).toBeDefined();
});

test('TelemetryCounters tells apart what may be compared, and only where somebody compares', () => {
  const counters = new TelemetryCounters();
  const judged = { epoch: 7, strata: ['plan/new', 'plan/team'] };
  counters.of('a')?.countRequest(givenAssignment('legacy', judged, { subject: 1, strata: 0b10 }), 5, 'answered');
  counters.of('a')?.countRequest(givenAssignment('candidate', judged, { subject: 2, strata: 0b11 }), 5, 'failed');
  counters.of('a')?.countRequest(givenAssignment('candidate', judged), 9, 'failed');
  const { a } = JSON.parse(counters.changed(100_000).json);
  expect(a.legacy).toMatchObject({ requests: 1, compared: 'all', strata: { 'plan/team': { requests: 1, errors: 0 } } });
  const once = { requests: 1, errors: 1 };
  expect(a.candidate).toMatchObject({
    requests: 2,
    errors: 2,
    compared: { ...once, latency: [expect.any(Number), 1] },
    strata: { 'plan/new': once, 'plan/team': once },
  });
  expect(a.candidate.latency).toHaveLength(4);
  const plain = JSON.parse(counters.changed(100_000, { comparing: false }).json);
  expect(Object.keys(plain.a.candidate).sort()).toEqual(['errors', 'fallbacks', 'latency', 'requests']);
});
