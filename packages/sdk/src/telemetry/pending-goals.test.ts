import type { UserTelemetry } from '@theseus/core/health';
import { describe, expect, it } from 'vitest';
import { PendingGoals } from './pending-goals.ts';

const subject = (number: number, flag = 'reply', split = 5) => ({ flag, subject: number, split });
const taken = (goals: PendingGoals, limit = 1e6) => JSON.parse(goals.take(limit) ?? '{}') as UserTelemetry['goals'];

describe('PendingGoals', () => {
  it('sums up what each subject has reached since it was last taken [CO-7]', () => {
    const goals = new PendingGoals();
    goals.count(subject(1), 'paid', 10.5);
    goals.count(subject(1), 'paid', 4);
    goals.count(subject(2), 'paid', 0);
    goals.count(subject(1), 'replied', 0);
    goals.count(subject(1, 'other', 9), 'paid', -3);
    expect(taken(goals)).toEqual({
      reply: { split: 5, goals: { paid: [1, 2, 14.5, 2, 1, 0], replied: [1, 1, 0] } },
      other: { split: 9, goals: { paid: [1, 1, -3] } },
    });
    expect(goals.size).toBe(0);
    expect(goals.take(1e6)).toBeUndefined();
  });

  it('keeps what a split that is over led to out of the next', () => {
    const goals = new PendingGoals();
    goals.count(subject(1, 'reply', 5), 'paid', 1);
    goals.count(subject(2, 'reply', 6), 'paid', 1);
    goals.count(subject(3, 'reply', 5), 'paid', 1);
    expect(goals.size).toBe(1);
    expect(taken(goals)).toEqual({ reply: { split: 6, goals: { paid: [2, 1, 1] } } });
  });

  it('holds no more subjects than its limit, and goes on with those it knows', () => {
    const goals = new PendingGoals(3);
    const isKept = [1, 2, 3, 4, 1].map((number) => goals.count(subject(number), 'paid', 1));
    expect(isKept).toEqual([true, true, true, false, true]);
    expect(goals.size).toBe(3);
    expect(taken(goals)).toEqual({ reply: { split: 5, goals: { paid: [1, 2, 2, 2, 1, 1, 3, 1, 1] } } });
  });
});
