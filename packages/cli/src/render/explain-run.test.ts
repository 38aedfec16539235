import type { HealthView, RolloutEvent, RunView } from '@theseus/core/rollout';
import { describe, expect, it } from 'vitest';
import { explainEvent, explainRun } from './explain-run.ts';

const health = {
  flag: 'search',
  gate: 'standard',
  verdict: 'pass',
  at: 80_000,
  soakedMs: 60_000,
  soakMs: 600_000,
  rules: [],
  explanation: {
    headline: 'nothing alarming, but harm in errors is not ruled out: needs about 3h more, or 340 more users',
    lines: ['errors: 0.5 % of 1200 requests fail, on legacy 0.4 % of 10800, 1.3x and at most 3.1x'],
  },
} satisfies HealthView;

const run = { phases: [{ steps: [{ id: 'move/search', health: [health] }] }], flags: [] } as unknown as RunView;

describe('explainRun()', () => {
  it('says in words and numbers why a gate judges as it does [XR-3]', () => {
    expect(explainRun(run).lines).toEqual([
      'move/search (search), gate standard: pass, 1m of 10m healthy',
      '  nothing alarming, but harm in errors is not ruled out: needs about 3h more, or 340 more users',
      '  - errors: 0.5 % of 1200 requests fail, on legacy 0.4 % of 10800, 1.3x and at most 3.1x',
    ]);
  });
});

describe('explainEvent()', () => {
  const rules = [
    { rule: 'errors > 5%', verdict: 'fail', text: 'errors 8 % breaks errors > 5% (5 %), by 240 requests' },
    { rule: 'latency > 2s', verdict: 'pass', text: '' },
  ];
  const held = {
    type: 'step.held',
    stepId: 'move/search',
    hold: 'gate',
    at: 0,
    actor: { kind: 'engine', name: 'theseus' },
    reason: 'errors 8 % breaks errors > 5% (5 %), by 240 requests',
    evidence: { verdict: { rules }, samples: [] },
  } as unknown as RolloutEvent;

  it('says what health led to and which rules it rested on [XR-4]', () => {
    expect(explainEvent(held)).toEqual([
      '1970-01-01 00:00:00 UTC held move/search',
      '  errors 8 % breaks errors > 5% (5 %), by 240 requests',
      '  - errors > 5%: fail, errors 8 % breaks errors > 5% (5 %), by 240 requests',
    ]);
  });

  it('says nothing of what rests on no evidence', () => {
    expect(explainEvent({ ...held, evidence: null } as RolloutEvent)).toEqual([]);
  });
});
