import type { Plan } from '@theseus/core/plan';
import type { RolloutEvent, RunView } from '@theseus/core/rollout';
import { expect, it } from 'vitest';
import { narrateEvent, narrateLongHolds } from './narrate-event.ts';

const PLAN = {
  flags: { cache: { migration: {} } },
  phases: [
    {
      name: 'low-risk',
      title: 'Low-risk services',
      needs: [],
      steps: [{ kind: 'ramp', id: 'low-risk/cv-analyzer', flag: 'cv-analyzer', title: 'cv-analyzer' }],
    },
  ],
} as unknown as Plan;

function event(body: { readonly type: RolloutEvent['type'] } & Readonly<Record<string, unknown>>): RolloutEvent {
  return { at: 1, actor: { kind: 'engine', name: 'theseus' }, reason: 'because', ...body } as unknown as RolloutEvent;
}

it.each([
  [{ type: 'phase.started', phase: 'low-risk' }, 'Phase low-risk: Low-risk services'],
  [
    { type: 'flag.exposure-changed', flag: 'cv-analyzer', from: 10_000, to: 25_000, stage: 1 },
    'cv-analyzer 10 % → 25 %                    because',
  ],
  [{ type: 'flag.exposure-changed', flag: 'cv-analyzer', from: 50_000, to: 0, stage: null }, 'cv-analyzer 50 % → 0 %'],
  [{ type: 'step.completed', stepId: 'low-risk/cv-analyzer' }, 'cv-analyzer has moved, everybody is on the candidate'],
  [
    { type: 'flag.exposure-confirmed', flag: 'cv-analyzer', exposure: 0, instances: 3, silent: 0, tookMs: 41 },
    'all 3 SDK instances serve legacy, confirmed 41 ms',
  ],
  [{ type: 'step.held', stepId: 'low-risk/cv-analyzer', hold: 'gate', evidence: null }, 'holds: because'],
  [{ type: 'run.finished', outcome: 'partial' }, 'The run is finished, partial'],
] as const)('says of %j: %s', (body, text) => {
  expect(narrateEvent(event(body), PLAN)?.text).toContain(text);
});

it('tells of a migration how many come to the next stage, and no end of each', () => {
  const moved = { type: 'flag.exposure-changed', flag: 'cache', from: 0, to: 5_000, stage: 0 } as const;
  expect(narrateEvent(event(moved), PLAN)?.text).toContain('cache 0 % → 5 % of the next stage');
  const confirmed = {
    type: 'flag.exposure-confirmed',
    flag: 'cache',
    exposure: 0,
    instances: 1,
    silent: 0,
    tookMs: 5,
  } as const;
  expect(narrateEvent(event(confirmed), PLAN)).toBeNull();
});

it('says why a rollback began: each broken rule with its value and sample', () => {
  const rules = [
    {
      rule: 'errors > 5%',
      verdict: 'fail',
      value: 40,
      threshold: 5,
      sample: 31,
      text: 'errors 40 breaks errors > 5% (5)',
    },
    { rule: 'latency > 3x baseline', verdict: 'pass', value: 20, threshold: 60, sample: 31, text: 'latency keeps' },
  ];
  const fact = narrateEvent(
    event({
      type: 'rollback.initiated',
      rollbackId: 'rollback-1',
      scope: 'flag',
      target: 'g',
      overMs: 0,
      flags: ['g'],
      steps: [],
      budgetMs: 120_000,
      evidence: { verdict: { rules } },
    }),
    PLAN,
  );
  expect(fact?.text).toContain('ROLLBACK of flag g, now: because');
  expect(fact?.text).toContain('errors 40 breaks errors > 5% (5), from 31 requests');
  expect(fact?.text).not.toContain('latency');
  expect(fact?.text).toContain('takes back g and nothing else, within 120 s');
  expect(fact?.data).toMatchObject({ rules: [{ rule: 'errors > 5%', value: 40 }] });
});

it('keeps quiet about what moves nothing', () => {
  expect(
    narrateEvent(event({ type: 'step.held', stepId: 'a/b', hold: 'no-evidence', evidence: null }), PLAN),
  ).toBeNull();
  for (const type of [
    'effect.requested',
    'step.released',
    'effect.finished',
    'step.started',
    'watch.soaked',
  ] as const) {
    expect(narrateEvent(event({ type }), PLAN)).toBeNull();
  }
  expect(narrateEvent(event({ type: 'flag.exposure-confirmed', flag: 'a', exposure: 100_000 }), PLAN)).toBeNull();
});

it('tells a hold that lasts, once', () => {
  const view = (now: number, hold: { since: number } | null): RunView =>
    ({
      now,
      phases: [
        {
          steps: [
            { id: 'a/b', hold: hold && { reason: 'no-evidence', text: '1 of at least 2 requests so far', ...hold } },
          ],
        },
      ],
    }) as unknown as RunView;
  const told = new Set<string>();
  expect(narrateLongHolds(view(4_999, { since: 0 }), told)).toEqual([]);
  expect(narrateLongHolds(view(9_000, null), told)).toEqual([]);
  expect(narrateLongHolds(view(5_000, { since: 0 }), told).map(({ text }) => text)).toEqual([
    'a/b still waits: 1 of at least 2 requests so far',
  ]);
  expect(narrateLongHolds(view(6_000, { since: 0 }), told)).toEqual([]);
  expect(narrateLongHolds(view(99_000, { since: 90_000 }), told)).toHaveLength(1);
});
