import { hashOf, seededRandom } from '../seeded-random.ts';

export const SKILLS = [
  'accounting',
  'carpentry',
  'chemistry',
  'design',
  'first-aid',
  'german',
  'logistics',
  'nursing',
  'python',
  'sales',
  'statistics',
  'welding',
] as const;

export type Skill = (typeof SKILLS)[number];

/** A curriculum vitae as the services work on it. */
export interface Curriculum {
  readonly user: string;
  readonly years: number;
  readonly skills: readonly Skill[];
  readonly text: string;
}

/** The curriculum of a user: made up, but always the same for the same id. */
export function curriculumOf(user: string): Curriculum {
  const random = seededRandom(hashOf(user));
  const years = Math.floor(random() * 30);
  const skills = SKILLS.filter(() => random() < 0.35);
  const text = `${user} has worked for ${years} years. Skills: ${skills.join(', ') || 'none yet'}. References on request.`;
  return { user, years, skills, text };
}
