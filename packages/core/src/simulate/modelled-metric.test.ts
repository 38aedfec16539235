import { describe, expect, it } from 'vitest';
import { type Plan, parsePlan } from '../plan/index.ts';
import { simulate } from './simulate.ts';
import { parseWhatIf } from './what-if.ts';

const TEXT = `
plan: replying
cohort: userId
signals: { response-rate: { goal: replied }, complaints: { goal: complained, lowerIsBetter: true } }
gates:
  standard:
    every: 1m
    rules:
      - response-rate worse than legacy by 2 points: rollback now
      - complaints worse than legacy: hold
flags:
  reply: { variants: [short, long], metrics: [response-rate, complaints] }
phases:
  - phase: one
    steps:
      - { ramp: reply, gate: standard, through: [10%, 50%], soak: 1h }
`;

function read(): Plan {
  const { plan, diagnostics } = parsePlan(TEXT, { file: 'plan.yaml' });
  if (plan === null) throw new Error(JSON.stringify(diagnostics));
  return plan;
}

const play = (whatIf?: string) => {
  const plan = read();
  return simulate(plan, {
    startAt: 0,
    seed: 1,
    approvalDelayMs: 0,
    whatIf: whatIf === undefined ? [] : parseWhatIf(whatIf, plan),
  });
};

describe('a plan with goals, played', () => {
  it('succeeds while no variant is worse [CO-7]', () => {
    expect(play().outcome).toBe('succeeded');
  });

  it('goes back when fewer users reach the goal, by the plan alone', () => {
    const { view } = play('response-rate=10% at 30m');
    expect(view.rollbacks).toHaveLength(1);
    expect(view.flags).toMatchObject([{ key: 'reply', exposurePercent: 0 }]);
  });

  it('lets more users who reach it pass, and holds for more who complain', () => {
    expect(play('response-rate=60% at 30m').outcome).toBe('succeeded');
    const { outcome, view, stuckOn } = play('complaints=60% at 30m');
    expect({ outcome, rollbacks: view.rollbacks }).toEqual({ outcome: 'unfinished', rollbacks: [] });
    expect(stuckOn.map(({ text }) => text).join(' ')).toContain('complaints worse than legacy: candidate: worse');
  });
});
