import { describe, expect, it } from 'vitest';
import { type Trouble, TwoArms } from '../../../test-support/two-arms.ts';
import { explainJudgement } from './explain.ts';
import { beginJudge, type JudgeSetting } from './judge-state.ts';
import { look } from './look.ts';
import { PROFILES } from './profile.ts';

const SETTING: JudgeSetting = {
  profile: PROFILES.balanced,
  looks: 120,
  warmUpLooks: 2,
  errorLimit: 0.05,
  metrics: ['errors', 'latency', 'throughput'],
  prior: { requests: 50_000, errors: 250 },
  segments: [],
  everyMs: 30_000,
};

function explainAfter(looks: number, trouble: Trouble = {}) {
  const arms = new TwoArms({ seed: 7 });
  let state = beginJudge(SETTING, { counting: 'from-zero' });
  for (let at = 0; at < looks; at += 1) state = look(SETTING, state, arms.look(trouble));
  return explainJudgement(SETTING, state);
}

describe('explainJudgement()', () => {
  it('says what it knows and what it lacks, in words and numbers [CV-3]', () => {
    expect(explainAfter(0).text).toBe('nothing was seen yet');
    const { text, metrics, lacking } = explainAfter(5);
    expect(text).toMatchInlineSnapshot(
      `"nothing alarming, but harm in errors and latency is not ruled out: needs about 15m more, or 1232 more users"`,
    );
    expect(lacking?.users).toBeGreaterThan(0);
    expect(metrics.map((metric) => `${metric.metric}: ${metric.text}`)).toMatchInlineSnapshot(`
      [
        "errors: 0.44 % of 456 requests fail, on legacy 0.63 % of 3960, 0.69x and at most 16x",
        "latency: 23 % of the requests are as slow as legacy's slowest 27 %, 0.22 % as its slowest 0.45 %",
        "throughput: 456 requests where 440 were to be expected of its users",
      ]
    `);
  });

  it('says what a pass rules out', () => {
    expect(explainAfter(100).text).toMatchInlineSnapshot(
      `"no worse than legacy: 2x the errors, 1.5x the latency and 25 % less traffic are ruled out"`,
    );
  });

  it.each<[string, Trouble]>([
    ['errors', { errorFactor: 8 }],
    ['latency', { slowerBy: 2 }],
    ['throughput', { served: 0.3 }],
  ])('says how the candidate is worse in %s', (metric, trouble) => {
    const { text, metrics } = explainAfter(60, trouble);
    expect(text).toContain(
      `the candidate is worse in ${metric}: ${metrics.find((each) => each.metric === metric)?.text}`,
    );
    expect(text).toMatch(/; evidence \d+, 20 is enough$/);
  });

  it('bounds what it cannot rule out, tighter with more data', () => {
    const bound = (looks: number) => Number(/at most ([\d.]+)x/.exec(explainAfter(looks).metrics[0]?.text ?? '')?.[1]);
    expect(bound(100)).toBeLessThan(bound(10));
    expect(bound(100)).toBeGreaterThan(1);
  });
});
