import type { ArmTelemetry } from '@theseus/core/health';
import type { Effect } from '@theseus/core/rollout';
import { describe, expect, it } from 'vitest';
import { phase, plan, ramp } from '../../../core/test-support/given-plan.ts';
import { measure } from '../sources/telemetry-source.ts';
import { type BaselineParts, baselineRunner } from './baseline-runner.ts';

const MINUTE = 60_000;
const NONE: ArmTelemetry = { requests: 0, errors: 0, fallbacks: 0, latency: [] };

const effect: Effect = {
  id: 'base#1.1',
  request: { kind: 'baseline', overMs: 10 * MINUTE, flags: ['cache'] },
  purpose: { kind: 'step', stepId: 'base' },
  requestedAt: 0,
  timeoutMs: null,
};

const signal = (name: string, metric: 'error-rate' | 'request-rate') => ({
  name,
  source: { kind: 'telemetry', metric } as const,
  unit: 'percent' as const,
  overMs: MINUTE,
  freshForMs: MINUTE,
});

const checked = plan([phase('one', [ramp('one', 'cache')])], {
  signals: { errors: signal('errors', 'error-rate'), throughput: signal('throughput', 'request-rate') },
});

/** A system whose telemetry begins at moment 0 and counts a request each second; every look costs a minute. */
function growing(requestsPerMinute: number): { readonly parts: BaselineParts; readonly looks: () => number } {
  let now = 0;
  let looks = 0;
  const parts: BaselineParts = {
    measure,
    readAll: async () => [],
    now: () => now,
    pause: async () => undefined,
    window: async (_flag, fromMs, toMs) => {
      looks += 1;
      now += MINUTE;
      const minutes = (toMs - Math.max(0, fromMs)) / MINUTE;
      const legacy = { ...NONE, requests: requestsPerMinute * minutes, errors: minutes };
      return { legacy, candidate: NONE, oldestAt: 0 };
    },
  };
  return { parts, looks: () => looks };
}

const context = (signalled = new AbortController().signal) => ({
  runId: 'r',
  plan: checked,
  idempotencyKey: 'r/base#1.1',
  signal: signalled,
});

describe('baselineRunner()', () => {
  it('waits until telemetry covers the whole span, so that a rate is not too low [CV-12]', async () => {
    const { parts, looks } = growing(60);
    const result = await baselineRunner(parts).run(effect, context());
    expect(result).toMatchObject({ outcome: 'succeeded' });
    expect(looks()).toBe(11);
    expect(result.baselines?.['cache']?.['throughput']).toBe(1);
    expect(result.baselines?.['cache']?.['errors']).toBeCloseTo(100 / 60);
  });

  it('says for which flag traffic is lacking once the span and its patience are over', async () => {
    const { parts } = growing(1);
    const result = await baselineRunner(parts).run(effect, context());
    expect(result).toMatchObject({
      outcome: 'failed',
      summary: 'no baseline: fewer than 20 requests on legacy for cache',
    });
  });

  it('says how far telemetry reaches back when it is stopped early', async () => {
    const stopped = AbortSignal.abort();
    const { parts } = growing(60);
    const result = await baselineRunner(parts).run(effect, context(stopped));
    expect(result.summary).toBe('no baseline: telemetry of cache reaches back 0ms of 10m');
  });
});
