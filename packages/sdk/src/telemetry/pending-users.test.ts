import { isSampled, NAMELESS, SubjectHasher } from '@theseus/core/flag';
import type { FlagUsers } from '@theseus/core/health';
import { describe, expect, it } from 'vitest';
import { givenAssignment } from '../../test-support/given-assignment.ts';
import { PendingUsers, userLimits } from './pending-users.ts';

const hasher = new SubjectHasher('cvplus-2026a');
const marks = { bodyMs: 10, tailMs: 100 };

const request = (user: number, epoch = 5) =>
  givenAssignment('legacy', { epoch, marks }, { subject: hasher.hash(`user-${user}`) });

const taken = (users: PendingUsers, limit = 1e9) => JSON.parse(users.take(limit)) as FlagUsers;

describe('PendingUsers', () => {
  it('counts requests, errors and how many were at or above each mark', () => {
    const users = new PendingUsers(userLimits());
    for (const [ms, isFailed] of [
      [1, false],
      [10, false],
      [99, true],
      [100, false],
    ] as const) {
      users.count(request(1), ms, isFailed);
    }
    expect(taken(users)).toEqual({
      epoch: 5,
      level: 0,
      legacy: [hasher.hash('user-1'), 4, 1, 3, 1],
      candidate: [],
    });
    expect(users.size).toBe(0);
  });

  it('begins anew with a new epoch, and leaves out what was assigned in an older one', () => {
    const users = new PendingUsers(userLimits());
    users.count(request(1, 5), 1, false);
    users.count(request(2, 6), 1, false);
    users.count(request(1, 5), 1, false);
    expect(taken(users)).toMatchObject({ epoch: 6, legacy: [hasher.hash('user-2'), 1, 0, 0, 0] });
  });

  it('keeps within its limit by a sample in which everybody is counted without a gap', () => {
    const limits = userLimits(500);
    const users = new PendingUsers(limits);
    for (let round = 0; round < 3; round += 1) {
      for (let user = 0; user < 10_000; user += 1) users.count(request(user), 1, false);
      expect(users.size).toBeLessThanOrEqual(500);
    }
    const { level, legacy } = taken(users);
    const expected = Array.from({ length: 10_000 }, (_, user) => hasher.hash(`user-${user}`)).filter((subject) =>
      isSampled(subject, level),
    );
    expect(legacy.filter((_, at) => at % 5 === 0).sort()).toEqual(expected.sort());
    expect(legacy.filter((_, at) => at % 5 === 1)).toEqual(expected.map(() => 3));
    expect(limits.pending).toBe(0);
    // The sample stays as thin as it became until the split changes.
    users.count(request(1, 6), 1, false);
    expect(taken(users)).toMatchObject({ epoch: 6, level: 0 });
  });

  it('shares one limit with all other flags', () => {
    const limits = userLimits(500, 600);
    const flags = Array.from({ length: 20 }, () => new PendingUsers(limits));
    for (let user = 0; user < 1_000; user += 1) for (const users of flags) users.count(request(user), 1, false);
    expect(flags.reduce((sum, { size }) => sum + size, 0)).toBe(limits.pending);
    expect(limits.pending).toBeLessThanOrEqual(600);
  });

  it('tells who of the candidate took which variant, also of those who were only told [CO-7]', () => {
    const variants = ['short', 'long'].map((name) => ({ name, weight: 50_000 }));
    const users = new PendingUsers(userLimits());
    const of = (subject: number, variant: number) =>
      givenAssignment('candidate', { epoch: 5, variants }, { subject, variant });
    users.count(of(3, 1), 1, false);
    users.expose(of(1, 0));
    users.expose(of(3, 1));
    users.expose(of(2, 1));
    const { candidate, variants: told } = taken(users);
    expect(told).toEqual([
      ['short', 1],
      ['long', 2],
    ]);
    expect(candidate.slice(0, 5)).toEqual([1, 0, 0, 0, 0]);
    expect(candidate.slice(5).toSorted()).toEqual([3, 1, 0, 0, 0, 2, 0, 0, 0, 0].toSorted());
    expect(taken(users)).toMatchObject({
      candidate: [],
      variants: [
        ['short', 0],
        ['long', 0],
      ],
    });
  });

  it('counts nobody who has no name, as of a flag that decides call by call [CO-4]', () => {
    const users = new PendingUsers(userLimits());
    users.count(givenAssignment('candidate', { epoch: 5 }, { subject: NAMELESS }), 1, true);
    expect(users.size).toBe(0);
  });

  it('counts nobody who must not be compared', () => {
    const users = new PendingUsers(userLimits());
    users.count(givenAssignment('candidate', { epoch: 5 }), 1, true);
    expect(users.size).toBe(0);
  });
});
