import type { Approver, Person } from '../plan/index.ts';

/** What is still missing before an approval counts: empty when it is complete. */
export function missingApprovers(
  by: readonly Approver[],
  given: readonly string[],
  people: Readonly<Record<string, Person>>,
): readonly Approver[] {
  if (by.length === 0) return given.length > 0 ? [] : [{ role: 'operator', count: 1 }];
  const seats = by.flatMap((approver) => Array.from({ length: approver.count }, () => approver.role));
  const taken = assign(seats, given, people);
  return by
    .map(({ role, count }) => ({ role, count: count - taken.filter((seat) => seat === role).length }))
    .filter(({ count }) => count > 0);
}

/** Whether the person may take any seat of the quorum. */
export function mayApprove(by: readonly Approver[], person: string, people: Readonly<Record<string, Person>>): boolean {
  return by.length === 0 || by.some(({ role }) => people[person]?.roles.includes(role) ?? false);
}

/** Gives each person at most one seat so that most seats are filled (augmenting paths), and returns the filled ones. */
function assign(
  seats: readonly string[],
  given: readonly string[],
  people: Readonly<Record<string, Person>>,
): readonly string[] {
  const seatOf = new Map<number, string>();
  const place = (person: string, tried: Set<number>): boolean => {
    for (const [index, role] of seats.entries()) {
      if (tried.has(index) || !people[person]?.roles.includes(role)) continue;
      tried.add(index);
      const holder = seatOf.get(index);
      if (holder === undefined || place(holder, tried)) {
        seatOf.set(index, person);
        return true;
      }
    }
    return false;
  };
  for (const person of new Set(given)) place(person, new Set());
  return [...seatOf.keys()].map((index) => seats[index] ?? '');
}

/** `tech-lead and 1 more of release`, for people. */
export function describeApprovers(by: readonly Approver[]): string {
  if (by.length === 0) return 'any operator';
  return by.map(({ role, count }) => (count === 1 ? role : `${count} of ${role}`)).join(' and ');
}
