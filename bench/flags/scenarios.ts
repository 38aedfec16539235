import type { FlagDefinition, FlagDocument, SegmentDefinition } from '@theseus/core/flag';

/** What is asked of every evaluator, by key of its flag. Where there are rules, none matches, so that all are looked at. */
export const SCENARIOS = {
  plain: 'a plain boolean',
  'rules-1': '1 rule of equality',
  'rules-5': '5 rules of equality',
  'rules-20': '20 rules of equality',
  rollout: 'a rollout of 25 %',
  segment: 'a segment of 1 000 members',
  prerequisite: 'a prerequisite',
} as const;

export type Scenario = keyof typeof SCENARIOS;

export interface Subject {
  readonly userId: string;
  readonly country: string;
}

const SUBJECTS = 512;
const SALT = 'benching';
export const WHOLE = 100_000;
export const ROLLOUT = 25_000;

export const landsOf = (count: number): readonly string[] => Array.from({ length: count }, (_, at) => `land-${at}`);

/** Keys as long as a UUID, the same in every run. */
const keyOf = (at: number): string => {
  const hex = Math.imul(at + 1, 0x9e3779b1) >>> 0;
  const part = hex.toString(16).padStart(8, '0');
  return `${part}-${part.slice(0, 4)}-4${part.slice(1, 4)}-8${part.slice(2, 5)}-${part}${part.slice(4)}`;
};

export const subjects: readonly Subject[] = Array.from({ length: SUBJECTS }, (_, at) => ({
  userId: keyOf(at),
  country: `country-${at % 7}`,
}));

/** Half of the subjects, and others. */
export const members: readonly string[] = Array.from({ length: 1_000 }, (_, at) => keyOf(at * 2));

export function flagOf(key: string, changes: Partial<FlagDefinition> = {}): FlagDefinition {
  return {
    key,
    enabled: true,
    cohort: 'userId',
    salt: SALT,
    exposure: 0,
    requires: [],
    overrides: { candidate: [], legacy: [] },
    rules: [],
    fallback: true,
    ...changes,
  };
}

const rulesOf = (count: number): FlagDefinition =>
  flagOf(`rules-${count}`, { rules: landsOf(count).map((segment) => ({ segment, exposure: WHOLE })) });

export const scenarioDocument: FlagDocument = {
  version: 1,
  flushEveryMs: 3_600_000,
  flags: byKey([
    flagOf('plain', { exposure: WHOLE }),
    rulesOf(1),
    rulesOf(5),
    rulesOf(20),
    flagOf('rollout', { exposure: ROLLOUT }),
    flagOf('segment', { rules: [{ segment: 'members', exposure: WHOLE }] }),
    flagOf('prerequisite', { exposure: WHOLE, requires: ['plain'] }),
  ]),
  segments: byKey([
    segmentOf('members', 'userId', members),
    ...landsOf(20).map((land) => segmentOf(land, 'country', [land])),
  ]),
};

export function segmentOf(key: string, attribute: string, values: readonly string[]): SegmentDefinition {
  return { key, conditions: [{ attribute, operator: 'in', values }] };
}

export function byKey<Named extends { readonly key: string }>(all: readonly Named[]): Readonly<Record<string, Named>> {
  return Object.fromEntries(all.map((one) => [one.key, one]));
}
