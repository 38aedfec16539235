import { PROFILES } from '@theseus/core/health';
import { describe, expect, it } from 'vitest';
import { JudgeStream } from './judge-stream.ts';
import { readLine, type StreamLine } from './read-line.ts';

const header = {
  type: 'run',
  run: 'a',
  tickSec: 30,
  soakTicks: 20,
  assigned: { control: 9_000, candidate: 1_000 },
  slowBucket: 50,
  tailBucket: 66,
  segments: ['eu', 'us'],
  baseline: { control: { req: 9_000, err: 45 }, candidate: { req: 1_000, err: 5 } },
};

/** An arm after so many ticks of equal traffic: every user one request, of which a share fails. */
function arm(ticks: number, requests: number, failing: number) {
  const [n, e] = [requests * ticks, requests * failing * ticks];
  return {
    req: requests,
    err: requests * failing,
    lat: [40, requests * 0.75, 52, requests * 0.24, 70, requests * 0.01],
    active: requests,
    risk: requests,
    newFailed: requests * failing,
    seg: [requests / 2, (requests * failing) / 2, requests / 2, (requests * failing) / 2],
    cum: {
      seen: n,
      failed: e,
      n,
      e,
      s: n / 4,
      t: n / 100,
      n2: n,
      e2: e,
      ne: e,
      s2: n / 4,
      ns: n / 4,
      t2: n / 100,
      nt: n / 100,
    },
  };
}

function judge(lines: readonly unknown[], explain = false) {
  const stream = new JudgeStream({ profile: PROFILES.balanced, errorLimit: 0.05, warmUpMs: 60_000, explain });
  return lines.flatMap((line, at) => stream.take(readLine(JSON.stringify(line), at + 1)) ?? []);
}

function ticks(count: number, failing: number): readonly unknown[] {
  return Array.from({ length: count }, (_, t) => ({
    type: 'tick',
    t,
    control: arm(t + 1, 450, 0.005),
    candidate: arm(t + 1, 50, failing),
  }));
}

describe('JudgeStream', () => {
  it('answers each tick of each run with a verdict [CV-3]', () => {
    const verdicts = judge([header, ...ticks(20, 0.005), { type: 'end' }, { ...header, run: 'b' }, ...ticks(20, 0.1)]);
    expect(verdicts.slice(0, 20).every(({ run, verdict }) => run === 'a' && verdict !== 'fail')).toBe(true);
    expect(verdicts.map(({ t }) => t)).toEqual([...Array(20).keys(), ...Array(20).keys()]);
    expect(verdicts.at(-1)).toMatchObject({ run: 'b', verdict: 'fail', metric: 'errors', reason: null });
    expect(verdicts.at(-1)?.evidence).toBeGreaterThan(20);
  });

  it('says why where it is asked to', () => {
    expect(judge([header, ...ticks(3, 0.005)], true).at(-1)?.text).toMatch(/^nothing alarming/);
    expect(judge([header, ...ticks(3, 0.005)]).at(-1)).not.toHaveProperty('text');
  });

  it.each([
    ['down', null, 'the source is down'],
    ['answering NaN', { req: 'NaN' }, 'the source answered NaN'],
  ])('cannot tell while the source is %s [CV-3]', (_name, candidate, text) => {
    const [first] = ticks(1, 0.005);
    const blind = { ...(first as object), t: 1, candidate };
    expect(judge([header, first, blind], true).at(-1)).toMatchObject({
      verdict: 'inconclusive',
      metric: null,
      reason: 'no-data',
      text,
    });
  });

  it('refuses a tick without a run', () => {
    expect(() => judge(ticks(1, 0))).toThrow(/A tick came before any run/);
    expect(() => judge([header, { type: 'end' }, ...ticks(1, 0)])).toThrow(/A tick came before any run/);
  });
});

describe('readLine()', () => {
  const tick = ticks(1, 0.005)[0] as Extract<StreamLine, { type: 'tick' }>;

  it.each<[string, unknown, RegExp]>([
    ['another type', { type: 'tock' }, /line 7: its type is "tock", not "run", "tick" or "end"/],
    ['a list', [1], /line 7: its type is undefined/],
    ['a run without assignment', { ...header, assigned: undefined }, /line 7: assigned is missing/],
    ['a run of no ticks', { ...header, soakTicks: 0 }, /soakTicks must be above 0/],
    ['a baseline without errors', { ...header, baseline: { control: { req: 1 } } }, /baseline.control.err is no count/],
    ['segments that are no names', { ...header, segments: [1] }, /segments is no list/],
    ['a tick without a number', { ...tick, t: 'x' }, /t is no number/],
    ['an arm that is a text', { ...tick, control: 'x' }, /control is no object/],
    [
      'odd latencies',
      { ...tick, control: { ...(tick.control as object), lat: [1] } },
      /control.lat is no list of bucket/,
    ],
    ['negative segments', { ...tick, candidate: { ...(tick.candidate as object), seg: [-1] } }, /candidate.seg/],
    [
      'no risk',
      { ...tick, candidate: { ...(tick.candidate as object), risk: undefined } },
      /candidate.risk is no count/,
    ],
    ['no sums', { ...tick, candidate: { ...(tick.candidate as object), cum: {} } }, /candidate.cum.seen is no count/],
  ])('refuses %s, and says which line', (_name, line, message) => {
    expect(() => readLine(JSON.stringify(line), 7)).toThrow(message);
  });

  it('refuses what is no JSON', () => expect(() => readLine('{"type":', 3)).toThrow(/line 3: it is no JSON/));
});
