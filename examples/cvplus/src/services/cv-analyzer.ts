import { curriculumOf, SKILLS } from './curriculum.ts';
import type { Answer, ServiceFactory } from './service-behaviour.ts';

const POINTS_PER_SKILL = 6;
const HIGHEST_SCORE = 100;
export const SENIOR_FROM = 40;

/** Reads a curriculum and scores it. */
export const cvAnalyzer: ServiceFactory = (arm) => {
  const analyze = arm === 'legacy' ? byPattern : byScan;
  return {
    answer: (user) => {
      const { text, years } = curriculumOf(user);
      const { words, skills } = analyze(text);
      const score = Math.min(HIGHEST_SCORE, years + skills.length * POINTS_PER_SKILL);
      // Whoever wrote the new way took 'from 40' for 'above 40'. No call fails by it: only comparing the answers shows it.
      const isSenior = arm === 'legacy' ? score >= SENIOR_FROM : score > SENIOR_FROM;
      return { words, skills, score, level: isSenior ? 'senior' : 'junior' } satisfies Answer;
    },
  };
};

interface Analysis {
  readonly words: number;
  readonly skills: readonly string[];
}

/** The old way: one pattern for the words and one search of the whole text for each skill. */
function byPattern(text: string): Analysis {
  const words = text.match(/[\w-]+/g)?.length ?? 0;
  return { words, skills: SKILLS.filter((skill) => new RegExp(`(?<![\\w-])${skill}(?![\\w-])`).test(text)) };
}

const KNOWN: ReadonlySet<string> = new Set(SKILLS);

/** The new way: one pass over the text. */
function byScan(text: string): Analysis {
  const found = new Set<string>();
  let words = 0;
  let from = -1;
  for (let index = 0; index <= text.length; index += 1) {
    if (index < text.length && isWordCharacter(text.charCodeAt(index))) {
      if (from < 0) from = index;
    } else if (from >= 0) {
      const word = text.slice(from, index);
      if (KNOWN.has(word)) found.add(word);
      words += 1;
      from = -1;
    }
  }
  return { words, skills: SKILLS.filter((skill) => found.has(skill)) };
}

function isWordCharacter(code: number): boolean {
  const isDigit = code >= 48 && code <= 57;
  const isLetter = (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
  return isDigit || isLetter || code === 45 || code === 95;
}
