import { describe, expect, test } from 'vitest';
import { bucket } from './bucket.ts';
import { saltState } from './murmur3.ts';
import { type CohortRule, pickCohort } from './pick-cohort.ts';

const SALT = 'cvplus-2026a';
const rule: CohortRule = {
  count: 50,
  cohort: 'userId',
  salt: SALT,
  segment: { key: 'invited', conditions: [{ attribute: 'invited', operator: 'in', values: [true] }] },
};
const users = Array.from({ length: 1_250 }, (_, at) => ({ userId: `user-${at}`, invited: at % 2 === 0 }));
const picked = (from: typeof users) =>
  pickCohort(rule, from).flatMap(({ subject, isPicked }) => (isPicked ? [subject] : []));

describe('pickCohort()', () => {
  test('picks exactly as many as are asked for, of those who may be picked [CO-16]', () => {
    const found = picked(users);
    expect(found).toHaveLength(50);
    expect(found.every((subject) => Number(subject.slice(5)) % 2 === 0)).toBe(true);
  });

  test('picks the same people in whatever order they are listed, and those whom a percentage would take first', () => {
    expect(picked(users.toReversed())).toEqual(picked(users));
    const salt = saltState(SALT);
    const last = Math.max(...picked(users).map((subject) => bucket(salt, subject)));
    const others = users.filter(({ userId, invited }) => invited && !picked(users).includes(userId));
    expect(Math.min(...others.map(({ userId }) => bucket(salt, userId)))).toBeGreaterThanOrEqual(last);
  });

  test('says of everybody why, and picks all where there are too few', () => {
    const places = pickCohort({ ...rule, count: 2 }, [
      { userId: 'ada', invited: true },
      { userId: 'ada', invited: true },
      { userId: 'ben' },
      { invited: true },
      { userId: 'cleo', invited: true },
      { userId: 'dora', invited: true },
    ]);
    expect(places.slice(0, 3).map(({ rank, isPicked }) => [rank, isPicked])).toEqual([
      [1, true],
      [2, true],
      [3, false],
    ]);
    expect(places[2]?.reason).toBe('place 3 of 3 by hash, after the 2 that are taken');
    expect(places.slice(3).map(({ subject, reason }) => `${subject} ${reason}`)).toEqual([
      'ada is listed before',
      "ben is not in segment 'invited'",
      ' has no userId',
    ]);
    expect(pickCohort({ ...rule, segment: undefined }, [{ userId: 'ada' }])).toMatchObject([{ isPicked: true }]);
  });
});
