import type { Random } from './seeded-random.ts';

/** Somebody who uses the product, and how much more than others. */
export interface User {
  readonly id: string;
  readonly activity: number;
}

/** How unequal people are: with 0.5 the busiest tenth does about a fifth of everything. */
const ACTIVITY_SPREAD = 0.5;

/** So many users with lognormal activity; the same for the same random numbers. */
export function createUsers(count: number, random: Random): readonly User[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `user-${String(index + 1).padStart(4, '0')}`,
    activity: Math.exp(ACTIVITY_SPREAD * standardNormal(random)),
  }));
}

/** Draws users in proportion to their activity. */
export function userPicker(users: readonly User[], random: Random): () => string {
  const upTo: number[] = [];
  let total = 0;
  for (const { activity } of users) {
    total += activity;
    upTo.push(total);
  }
  return () => {
    const index = firstAbove(upTo, random() * total);
    const user = users[Math.min(index, users.length - 1)];
    if (user === undefined) throw new Error('nobody to pick from');
    return user.id;
  };
}

/** Box–Muller. */
function standardNormal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

function firstAbove(growing: readonly number[], value: number): number {
  let low = 0;
  let high = growing.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((growing[middle] ?? 0) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
