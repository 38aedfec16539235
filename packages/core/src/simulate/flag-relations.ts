import type { Plan } from '../plan/index.ts';

/** A flag and everything it requires, directly or not. */
export function prerequisitesOf(plan: Plan, flag: string): ReadonlySet<string> {
  return closure(flag, (key) => plan.flags[key]?.requires ?? []);
}

/** A flag and everything that requires it, directly or not: what its rollback takes along. */
export function dependentsOf(plan: Plan, flag: string): ReadonlySet<string> {
  const flags = Object.values(plan.flags);
  return closure(flag, (key) => flags.filter(({ requires }) => requires.includes(key)).map((known) => known.key));
}

function closure(first: string, next: (key: string) => readonly string[]): ReadonlySet<string> {
  const found = new Set([first]);
  for (const key of found) for (const other of next(key)) found.add(other);
  return found;
}
