import type { RecordedEvent, RolloutEvent, RunView } from '@theseus/core/rollout';
import { describe, expect, it } from 'vitest';
import type { FeatureReport } from './adapters/feature-report.ts';
import { buildSummary, countRepeatedEffects, type SummaryInput, thresholdToLegacyMs } from './summary.ts';
import { renderSummary } from './summary-table.ts';

const FAULTY = 'recommendation-generator';

const ROLLBACK: RunView['rollbacks'][number] = {
  id: 'rollback-1',
  scope: 'flag',
  target: FAULTY,
  reason: 'errors 38 breaks errors > 5% (5)',
  status: 'completed',
  outcome: 'restored',
  parts: [],
  flags: [FAULTY],
  initiatedAt: 1_000,
  durationMs: 180,
  budgetMs: 120_000,
  withinBudget: true,
  verification: [`${FAULTY}: every instance serves legacy`, 'GET http://127.0.0.1:1/health: 200'],
  failure: null,
};

const RUN: RunView = {
  runId: 'run-1',
  plan: 'cvplus',
  title: 'Seven services',
  environment: 'default',
  planHash: 'sha256:0',
  revision: 9,
  status: 'finished',
  outcome: 'partial',
  startedAt: 0,
  endedAt: 60_000,
  timeCompression: 3_600,
  pausedBy: [],
  now: 60_000,
  phases: [],
  flags: [
    { key: 'cv-analyzer', status: 'complete', exposurePercent: 100, confirmed: true, requires: [] },
    { key: FAULTY, status: 'rolled-back', exposurePercent: 0, confirmed: true, requires: ['cv-analyzer'] },
  ],
  baselines: [],
  rollbacks: [ROLLBACK],
  contingencies: [],
  freezes: [],
  waits: [],
};

function record(
  bodies: readonly (Partial<RolloutEvent> & { readonly type: RolloutEvent['type']; readonly at: number })[],
): readonly RecordedEvent[] {
  return bodies.map((body, index) => {
    const event = { actor: { kind: 'engine', name: 'theseus' }, reason: '', ...body } as RolloutEvent;
    return { runId: 'run-1', seq: index + 1, event, previousHash: '', hash: '' };
  });
}

const VERDICT = { at: 990, verdict: 'fail', action: null, text: '', rules: [] } as const;

const INITIATED = {
  type: 'rollback.initiated',
  at: 1_000,
  rollbackId: 'rollback-1',
  scope: 'flag',
  target: FAULTY,
  overMs: 0,
  flags: [FAULTY],
  steps: [],
  budgetMs: 120_000,
  evidence: { verdict: VERDICT, samples: [] },
} as const;

function confirmed(flag: string, exposure: number, at: number) {
  return { type: 'flag.exposure-confirmed', flag, exposure, instances: 1, silent: 0, tookMs: 20, at } as const;
}

const SUCCEEDED = { outcome: 'succeeded', summary: '', durationMs: 1 } as const;

const FEATURES: FeatureReport = {
  cache: { hits: 80, misses: 20, coherence: 1, compared: 40, filled: 12, owed: 0 },
  analyzer: { compared: 30, different: 2, paths: ['$.level changed in 2'] },
  generatorBreaker: 'closed',
  workflows: { inFlight: 3, finished: 50, outlivedMove: 9, mixed: 0 },
  actions: { whole: 100, half: 0, mixed: 0, takenBack: 1, owed: 0 },
};

const INPUT: SummaryInput = {
  run: RUN,
  events: record([
    confirmed(FAULTY, 50_000, 500),
    INITIATED,
    confirmed('cv-analyzer', 0, 1_010),
    confirmed(FAULTY, 0, 1_055),
  ]),
  totals: {
    'cv-analyzer': { legacy: { requests: 100, errors: 0 }, candidate: { requests: 900, errors: 0, fallbacks: 0 } },
    [FAULTY]: { legacy: { requests: 950, errors: 1 }, candidate: { requests: 50, errors: 19, fallbacks: 19 } },
  },
  load: { served: 1_000, failed: 0, skipped: 3, pace: 150, latencyP95Ms: 20, failures: [] },
  features: FEATURES,
  messages: { delivered: 4, duplicates: 1 },
  serverRestarts: 2,
  elapsedMs: 70_123.4,
  dataFolder: '/tmp/demo-1',
  faulty: FAULTY,
};

describe('buildSummary()', () => {
  it('tells flag by flag how it ended, with the rollback, its verification and failures by arm', () => {
    expect(buildSummary(INPUT)).toEqual({
      kind: 'summary',
      success: true,
      problems: [],
      elapsedMs: 70_123,
      timeFactor: 3_600,
      flags: {
        'cv-analyzer': {
          finalExposurePercent: 100,
          outcome: 'moved',
          rollback: null,
          requestsServed: 1_000,
          requestsFailedByArm: { legacy: 0, candidate: 0 },
        },
        [FAULTY]: {
          finalExposurePercent: 0,
          outcome: 'rolled-back',
          rollback: { durationMs: 180, verification: ROLLBACK.verification, verified: true, withinBudget: true },
          requestsServed: 1_000,
          requestsFailedByArm: { legacy: 1, candidate: 19 },
        },
      },
      users: { pagesServed: 1_000, pagesFailed: 0 },
      thresholdToLegacyMs: 65,
      effectsRepeated: 0,
      features: FEATURES,
      messages: { delivered: 4, duplicates: 1 },
      serverRestarts: 2,
      runId: 'run-1',
      dataFolder: '/tmp/demo-1',
    });
  });

  const analyzer = RUN.flags[0] as RunView['flags'][number];
  const generator = RUN.flags[1] as RunView['flags'][number];
  it.each<[string, Partial<SummaryInput>, string]>([
    ['a page that failed', { load: { ...INPUT.load, failed: 1, failures: ['502 x'] } }, '1 pages failed: 502 x'],
    ['no users', { load: { ...INPUT.load, served: 0 } }, 'no page was served'],
    [
      'a flag that stayed behind',
      { run: { ...RUN, flags: [{ ...analyzer, exposurePercent: 25 }, generator] } },
      'cv-analyzer ended at 25 %',
    ],
    [
      'a fault nobody noticed',
      { run: { ...RUN, rollbacks: [], flags: [analyzer, { ...generator, exposurePercent: 100 }] } },
      'not back on legacy',
    ],
    ['a rollback that failed', { run: { ...RUN, rollbacks: [{ ...ROLLBACK, status: 'failed' }] } }, 'is not verified'],
    [
      'a rollback that verified nothing',
      { run: { ...RUN, rollbacks: [{ ...ROLLBACK, verification: [] }] } },
      'is not verified',
    ],
    [
      'a rollback beyond its budget',
      { run: { ...RUN, rollbacks: [{ ...ROLLBACK, withinBudget: false }] } },
      'within its budget',
    ],
    ['a slow way back', { events: record([INITIATED, confirmed(FAULTY, 0, 2_100)]) }, 'it took 1110 ms'],
    ['a run that hangs', { run: { ...RUN, status: 'running' } }, 'the run is running'],
    [
      'an effect done twice',
      {
        events: [
          ...INPUT.events,
          ...record([0, 1].map((at) => ({ type: 'effect.finished', effectId: 'a#1.1', result: SUCCEEDED, at }))),
        ],
      },
      '1 effects were done twice',
    ],
  ])('does not call %s a success', (_, change, problem) => {
    const summary = buildSummary({ ...INPUT, ...change });
    expect(summary.success).toBe(false);
    expect(summary.problems.join('\n')).toContain(problem);
  });

  it('names the flag and the reason when another than the faulty one was taken back', () => {
    const run = { ...RUN, rollbacks: [{ ...ROLLBACK, flags: ['cv-analyzer', FAULTY], reason: 'latency' }] };
    expect(buildSummary({ ...INPUT, run }).problems).toContain('cv-analyzer ended at 100 %: latency');
  });
});

describe('thresholdToLegacyMs()', () => {
  it('is not known without a rollback, without evidence, and before the confirmation', () => {
    expect(thresholdToLegacyMs(record([confirmed(FAULTY, 0, 5)]), FAULTY)).toBeNull();
    expect(
      thresholdToLegacyMs(record([{ ...INITIATED, evidence: null }, confirmed(FAULTY, 0, 1_100)]), FAULTY),
    ).toBeNull();
    expect(thresholdToLegacyMs(record([INITIATED]), FAULTY)).toBeNull();
  });
});

describe('countRepeatedEffects()', () => {
  it('counts every end of an effect beyond its first', () => {
    const ends = ['a', 'b', 'a', 'a'].map(
      (effectId, at) => ({ type: 'effect.finished', effectId, result: SUCCEEDED, at }) as const,
    );
    expect(countRepeatedEffects(record(ends))).toBe(2);
  });
});

describe('renderSummary()', () => {
  it('puts a row for each flag under headings of the same width', () => {
    const [heading = '', rule = '', ...rest] = renderSummary(buildSummary(INPUT)).split('\n');
    expect(heading).toMatch(/^flag +exposure +outcome +rollback +served +failed on legacy +failed on candidate$/);
    expect(rule).toHaveLength(heading.length);
    expect(rest[1]).toMatch(/^recommendation-generator +0 % +rolled back, verified +180 ms, 2 checks +1 000 +1 +19$/);
    expect(rest.join('\n')).toContain('65 ms from the measurement');
  });

  it('lists what was not as promised', () => {
    const text = renderSummary(buildSummary({ ...INPUT, load: { ...INPUT.load, failed: 2, failures: ['reset'] } }));
    expect(text).toContain('NOT as promised:\n  - 2 pages failed: reset');
  });
});
