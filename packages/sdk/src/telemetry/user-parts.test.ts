import type { UserTelemetry } from '@theseus/core/health';
import { expect, test } from 'vitest';
import { givenAssignment } from '../../test-support/given-assignment.ts';
import { TelemetryCounters } from './flag-counters.ts';
import { PendingGoals } from './pending-goals.ts';
import { UserParts } from './user-parts.ts';

function given(users: number, flags: readonly string[] = ['a']) {
  const counters = new TelemetryCounters();
  const count = (subject: number) => {
    for (const flag of flags) {
      counters.of(flag)?.countRequest(givenAssignment('legacy', { epoch: 5 }, { subject }), 1, 'answered');
    }
  };
  for (let subject = 0; subject < users; subject += 1) count(subject);
  const goals = new PendingGoals();
  return { count, goals, parts: new UserParts(() => counters.pendingUsers(), goals) };
}

const read = (json: string | undefined) => JSON.parse(json ?? '{}') as UserTelemetry;

test('UserParts offers a part unchanged until it is acknowledged, and only then the next', () => {
  const { count, parts } = given(2);
  const first = parts.next(10_000);
  count(7);
  expect(parts.next(10_000)?.json).toBe(first?.json);
  expect(parts.next(10_000)?.isPartial).toBe(true);
  first?.acknowledge();
  const second = parts.next(10_000);
  expect(read(second?.json)).toEqual({
    sequence: 2,
    flags: { a: { epoch: 5, level: 0, legacy: [7, 1, 0, 0, 0], candidate: [] } },
  });
  // The answer to an earlier attempt comes late.
  first?.acknowledge();
  expect(parts.next(10_000)?.json).toBe(second?.json);
  second?.acknowledge();
  expect(parts.next(10_000)).toBeUndefined();
});

test('UserParts spreads over parts what does not fit into one', () => {
  const flags = ['flag-é-1', 'flag-é-2', 'flag-é-3'];
  const { parts } = given(500, flags);
  const seen = new Set<string>();
  for (let more = true; more; ) {
    const part = parts.next(3_000);
    expect(Buffer.byteLength(part?.json ?? '')).toBeLessThanOrEqual(3_000);
    for (const [flag, { legacy }] of Object.entries(read(part?.json).flags)) {
      for (let at = 0; at < legacy.length; at += 5) {
        expect(seen.has(`${flag} ${legacy[at]}`)).toBe(false);
        seen.add(`${flag} ${legacy[at]}`);
      }
    }
    part?.acknowledge();
    more = part?.isPartial ?? false;
  }
  expect(seen.size).toBe(1_500);
});

test('UserParts sends goals beside users, each once, and also where nobody was routed [CO-7]', () => {
  const { goals, parts } = given(0);
  expect(parts.next(10_000)).toBeUndefined();
  for (let subject = 0; subject < 1_000; subject += 1) {
    goals.count({ flag: 'a', subject, split: 5 }, 'replied', 0.5);
  }
  const seen = new Map<number, readonly number[]>();
  for (let more = true; more; ) {
    const part = parts.next(3_000);
    expect(Buffer.byteLength(part?.json ?? '')).toBeLessThanOrEqual(3_000);
    const { replied = [] } = read(part?.json).goals?.['a']?.goals ?? {};
    for (let at = 0; at < replied.length; at += 3) {
      expect(seen.has(replied[at] ?? -1)).toBe(false);
      seen.set(replied[at] ?? -1, replied.slice(at + 1, at + 3));
    }
    part?.acknowledge();
    more = part?.isPartial ?? false;
  }
  expect(seen.size).toBe(1_000);
  expect(seen.get(7)).toEqual([1, 0.5]);
});
