import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compressPlan } from './compress-plan.ts';
import { parsePlan } from './parse-plan.ts';
import type { Plan } from './plan.ts';

const text = readFileSync(new URL('../../test-support/example-plan.yaml', import.meta.url), 'utf8');
const plan = parsePlan(text, { file: 'plan.yaml' }).plan as Plan;

describe('compressPlan()', () => {
  it('divides soaks, intervals, `for` and `over`, and says by how much', () => {
    const compressed = compressPlan(plan, 360);
    expect(compressed.timeCompression).toBe(360);
    expect(compressed.risks['low']?.soaksMs[0]).toBe(5_000);
    expect(compressed.gates['standard']?.everyMs).toBe(100);
    expect(compressed.gates['standard']?.rules[1]?.condition.forMs).toBe(333);
    expect(compressed.gates['standard']?.rules[1]?.action).toMatchObject({ overMs: 833 });
    expect(compressed.phases[0]?.steps[2]).toMatchObject({ kind: 'baseline', overMs: 240_000 });
  });

  it('draws the moments of a timeline nearer to T, which stays', () => {
    const launch = readFileSync(new URL('../../test-support/launch-plan.yaml', import.meta.url), 'utf8');
    const given = parsePlan(launch, { file: 'plan.yaml', environment: 'production' }).plan as Plan;
    const compressed = compressPlan(given, 60);
    const T = Date.parse('2026-05-05T07:00:00Z');
    const moments = compressed.phases.flatMap(({ steps }) => steps.flatMap(({ notBefore }) => notBefore ?? []));
    expect([compressed.launchAt, ...moments]).toEqual([T, T - 30_000, T]);
    expect(compressed.contentHash).toBe(given.contentHash);
  });

  it('leaves time-outs, budgets and response times as they are', () => {
    const compressed = compressPlan(plan, 360);
    expect(compressed.phases[0]?.steps[0]).toEqual(plan.phases[0]?.steps[0]);
    expect(compressed.phases[0]?.steps[1]).toMatchObject({ budgetMs: 600_000 });
  });

  it('never makes anything longer, and changes nothing by 1', () => {
    expect(compressPlan(plan, 1)).toBe(plan);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), (factor) => {
        const compressed = compressPlan(plan, factor);
        for (const [name, signal] of Object.entries(compressed.signals)) {
          expect(signal.overMs).toBeLessThanOrEqual(plan.signals[name]?.overMs ?? 0);
        }
      }),
    );
  });

  it.each([0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses the factor %d', (factor) =>
    expect(() => compressPlan(plan, factor)).toThrow('from 1 on'),
  );
});
