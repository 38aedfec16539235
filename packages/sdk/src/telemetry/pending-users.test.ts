import { isSampled, SubjectHasher } from '@theseus/core/flag';
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

  it('counts nobody who must not be compared', () => {
    const users = new PendingUsers(userLimits());
    users.count(givenAssignment('candidate', { epoch: 5 }), 1, true);
    expect(users.size).toBe(0);
  });
});
