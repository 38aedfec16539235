import type { BaselineView, RunView, StepView } from '@theseus/core/rollout';

/** A run with nothing in it; tests say what they look at. */
export function runView(changes: Partial<RunView> = {}): RunView {
  return {
    runId: 'night-20260504-1a2b3c',
    plan: 'night',
    title: 'Night shift',
    environment: 'default',
    planHash: 'sha256:00',
    revision: 12,
    status: 'running',
    outcome: null,
    startedAt: 0,
    endedAt: null,
    timeCompression: 1,
    pausedBy: [],
    now: 90_000,
    phases: [],
    flags: [],
    baselines: [],
    rollbacks: [],
    contingencies: [],
    freezes: [],
    waits: [],
    ...changes,
  };
}

/** A running phase called `move` with these steps. */
export function movePhase(...steps: readonly StepView[]): RunView['phases'] {
  return [{ name: 'move', title: 'move', status: 'running', needs: [], startedAt: 0, endedAt: null, steps }];
}

export function stepView(changes: Partial<StepView> = {}): StepView {
  return {
    id: 'move/search',
    title: 'search',
    kind: 'ramp',
    status: 'running',
    startedAt: 0,
    endedAt: null,
    planned: null,
    timeliness: null,
    mitigation: null,
    hold: null,
    approval: null,
    ramp: { flag: 'search', throughPercent: [10, 50, 100], exposurePercent: 10, stage: 0 },
    health: [],
    ...changes,
  };
}

/** What latency was over four weeks. */
export function baselineView(changes: Partial<BaselineView> = {}): BaselineView {
  return {
    flag: null,
    signal: 'latency',
    value: 150,
    unit: 'ms',
    over: { from: Date.UTC(2026, 3, 6), to: Date.UTC(2026, 4, 4) },
    sample: { count: 1_200, of: 'requests' },
    source: 'telemetry',
    query: null,
    shape: null,
    noShape: null,
    usual: { value: 150, when: null },
    ...changes,
  };
}
