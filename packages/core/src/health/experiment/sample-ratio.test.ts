import { describe, expect, it } from 'vitest';
import { randomOf } from '../../simulate/modelled-traffic.ts';
import { SAMPLE_RATIO_ALPHA, sampleRatioEvidence, sampleRatioProblem } from './sample-ratio.ts';

describe('sampleRatioProblem()', () => {
  const shares = (legacy: number, short: number) => [
    { variant: 'legacy', users: legacy, expected: 0.9 },
    { variant: 'short', users: short, expected: 0.1 },
  ];

  it('tells a split that is off by a tenth, and none that chance makes [CO-7]', () => {
    expect(sampleRatioProblem(shares(90_000, 9_000))).toMatch(/short has 9\.09 % of the users and should have 10 %/);
    expect(sampleRatioProblem(shares(90_000, 9_900))).toBeNull();
    expect(sampleRatioProblem(shares(0, 0))).toBeNull();
  });

  it('has a mean of 1 while the split is right, however often one looks', () => {
    const random = randomOf(99);
    const runs = 4_000;
    let sum = 0;
    let refused = 0;
    for (let run = 0; run < runs; run += 1) {
      const users = { legacy: 0, short: 0 };
      let isRefused = false;
      for (let at = 1; at <= 400; at += 1) {
        users[random() < 0.1 ? 'short' : 'legacy'] += 1;
        if (at % 20 === 0)
          isRefused ||= sampleRatioEvidence(shares(users.legacy, users.short)) >= 1 / SAMPLE_RATIO_ALPHA;
      }
      sum += sampleRatioEvidence(shares(users.legacy, users.short));
      if (isRefused) refused += 1;
    }
    expect(sum / runs).toBeGreaterThan(0.8);
    expect(sum / runs).toBeLessThan(1.2);
    expect(refused).toBeLessThanOrEqual(7);
  });
});
