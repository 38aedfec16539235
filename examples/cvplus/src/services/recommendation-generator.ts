import { hashOf } from '../seeded-random.ts';
import { curriculumOf, SKILLS } from './curriculum.ts';
import type { ServiceFactory } from './service-behaviour.ts';

const WANTED = 3;

interface Recommendation {
  readonly id: string;
  readonly fit: number;
}

/** Recommends the jobs that fit a curriculum best. */
export const recommendationGenerator: ServiceFactory = (arm) => {
  const best = arm === 'legacy' ? bySorting : byKeepingTheBest;
  return { answer: (user) => ({ recommendations: best(jobsFor(user)) }) };
};

/** Every job with how well it fits, 0 to 140; jobs often fit equally well, then the name decides. */
export function jobsFor(user: string): readonly Recommendation[] {
  const { skills } = curriculumOf(user);
  return SKILLS.map((skill) => ({
    id: `job-${skill}`,
    fit: (skills.includes(skill) ? 100 : 0) + 10 * (hashOf(`${user} ${skill}`) % 5),
  }));
}

function compare(left: Recommendation, right: Recommendation): number {
  return right.fit - left.fit || (left.id < right.id ? -1 : 1);
}

/** The old way: sort everything, keep the head. */
function bySorting(jobs: readonly Recommendation[]): readonly Recommendation[] {
  return jobs.toSorted(compare).slice(0, WANTED);
}

/** The new way: one pass that keeps only the best so far. */
function byKeepingTheBest(jobs: readonly Recommendation[]): readonly Recommendation[] {
  const best: Recommendation[] = [];
  for (const job of jobs) {
    const position = best.findIndex((kept) => compare(job, kept) < 0);
    if (position >= 0) best.splice(position, 0, job);
    else if (best.length < WANTED) best.push(job);
    if (best.length > WANTED) best.pop();
  }
  return best;
}
