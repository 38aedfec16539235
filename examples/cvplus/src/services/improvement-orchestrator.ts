import { curriculumOf } from './curriculum.ts';
import type { ServiceFactory } from './service-behaviour.ts';

interface Improvement {
  readonly name: string;
  readonly after: readonly string[];
}

const ALWAYS: readonly Improvement[] = [
  { name: 'write-summary', after: ['list-skills', 'sort-history'] },
  { name: 'sort-history', after: [] },
  { name: 'list-skills', after: ['sort-history'] },
  { name: 'proof-read', after: ['write-summary'] },
];

/** Puts the improvements a curriculum needs into an order in which each finds what it builds on. */
export const improvementOrchestrator: ServiceFactory = (arm) => {
  const order = arm === 'legacy' ? byRescanning : byCounting;
  return { answer: (user) => ({ improvements: order(improvementsFor(user)) }) };
};

/** What is missing in a curriculum decides what is to be done. */
export function improvementsFor(user: string): readonly Improvement[] {
  const { skills, years } = curriculumOf(user);
  const courses = skills.length < 4 ? [{ name: 'suggest-courses', after: ['list-skills'] }] : [];
  const references =
    years > 10
      ? [{ name: 'collect-references', after: ['sort-history', ...(courses.length > 0 ? ['suggest-courses'] : [])] }]
      : [];
  return [...references, ...ALWAYS, ...courses];
}

/** The old way: look through all that is left for the first one that is ready, again and again. */
function byRescanning(improvements: readonly Improvement[]): readonly string[] {
  const left = [...improvements];
  const done: string[] = [];
  while (left.length > 0) {
    const index = left.findIndex(({ after }) => after.every((name) => done.includes(name)));
    const next = left.splice(index, 1)[0];
    if (index < 0 || next === undefined) throw new Error('the improvements wait for each other');
    done.push(next.name);
  }
  return done;
}

/** The new way: count what each waits for, and always take the ready one that stands first. */
function byCounting(improvements: readonly Improvement[]): readonly string[] {
  const open = improvements.map(({ after }) => after.length);
  const done: string[] = [];
  while (done.length < improvements.length) {
    const index = open.indexOf(0);
    const next = improvements[index];
    if (next === undefined) throw new Error('the improvements wait for each other');
    open[index] = -1;
    done.push(next.name);
    improvements.forEach(({ after }, position) => {
      if (after.includes(next.name)) open[position] = (open[position] ?? 0) - 1;
    });
  }
  return done;
}
