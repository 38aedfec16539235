import { bucket, saltState } from '@theseus/core/flag';
import { expect, it } from 'vitest';
import { seededRandom } from './seeded-random.ts';
import { createUsers, userPicker } from './users.ts';

it('makes the same users for the same seed, with different names', () => {
  const users = createUsers(2_000, seededRandom(5));
  expect(createUsers(2_000, seededRandom(5))).toEqual(users);
  expect(new Set(users.map(({ id }) => id)).size).toBe(2_000);
  expect(users.every(({ activity }) => activity > 0 && Number.isFinite(activity))).toBe(true);
});

it('lets the busy come more often than the others, in proportion', () => {
  const pick = userPicker(
    [
      { id: 'busy', activity: 3 },
      { id: 'quiet', activity: 1 },
    ],
    seededRandom(9),
  );
  const picks = Array.from({ length: 4_000 }, pick);
  const share = picks.filter((id) => id === 'busy').length / picks.length;
  expect(share).toBeGreaterThan(0.72);
  expect(share).toBeLessThan(0.78);
});

it('sends about as much traffic to the candidate as the exposure says, from 1 % on', () => {
  const users = createUsers(2_000, seededRandom(20_250_827));
  const salt = saltState('cvplus..');
  const total = users.reduce((sum, { activity }) => sum + activity, 0);
  for (const percent of [1, 5, 10, 25, 50, 75]) {
    const exposed = users.filter(({ id }) => bucket(salt, id) < percent * 1_000);
    const share = (100 * exposed.reduce((sum, { activity }) => sum + activity, 0)) / total;
    expect(share).toBeGreaterThan(percent * 0.6);
    expect(share).toBeLessThan(percent * 1.6);
  }
});
