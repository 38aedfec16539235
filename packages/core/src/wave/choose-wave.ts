import { type AttributeCondition, compileConditions, murmur3Resume, saltState } from '../flag/index.ts';
import { spreadOver } from './spread-over.ts';
import type { WaveSelection } from './wave.ts';
import { type WaveSize, waveCount } from './wave-size.ts';

/** Who is chosen for a wave, and by what. */
export interface WaveRule {
  readonly size: WaveSize;
  /** Only who meets all of these. */
  readonly conditions: readonly AttributeCondition[];
  /** Attributes over whose values the wave is spread in proportion. */
  readonly strata: readonly string[];
  /** The plan's: subjects are ranked by murmur3 of salt and key, as flags pick theirs. */
  readonly salt: string;
}

export interface WaveCandidate {
  readonly key: string;
  readonly attributes: SubjectAttributes;
  /** The wave it is in already; null where it is in none. */
  readonly wave: string | null;
}

export type SubjectAttributes = Readonly<Record<string, unknown>>;

export interface ChosenWave {
  /** Keys in the order of their places. */
  readonly members: readonly string[];
  readonly selection: Omit<WaveSelection, 'digest'>;
}

/** What a subject without the attribute of a stratum is counted under. */
const NO_VALUE = '–';

/**
 * Chooses a wave of a list: whoever fits, in the order of the plan's hash, spread over the strata, exactly as many as the
 * size says where there are so many. The same list in any order gives the same members; who is in a wave is never chosen again.
 */
export function chooseWave(rule: WaveRule, candidates: readonly WaveCandidate[]): ChosenWave {
  const excluded = new Map<string, number>();
  const fit = fitFor(rule, candidates, (reason) => count(excluded, reason));
  const available = new Map<string, number>();
  for (const { stratum } of fit) count(available, stratum);
  const wanted = Math.min(fit.length, waveCount(rule.size, thereOf(rule.size, candidates)));
  const left = new Map(spreadOver(available, wanted, rule.salt));
  const strata = new Map<string, number>();
  const members = fit.filter(({ stratum }) => {
    const room = left.get(stratum) ?? 0;
    if (room === 0) return false;
    left.set(stratum, room - 1);
    count(strata, stratum);
    return true;
  });
  if (fit.length > members.length) excluded.set(NO_ROOM, fit.length - members.length);
  return {
    members: members.map(({ key }) => key),
    selection: {
      total: members.length,
      seen: candidates.length,
      strata: rule.strata.length === 0 ? {} : Object.fromEntries(strata),
      excluded: Object.fromEntries(excluded),
    },
  };
}

/** Why somebody who fits is not chosen. */
const NO_ROOM = 'there is no room for them in this wave';
const IN_ANOTHER = 'in another wave already';
const NOT_OF_SEGMENT = 'not in the segment';

/** The stratum of a subject: its values, in the order of the attributes. */
export function stratumOf(attributes: SubjectAttributes, strata: readonly string[]): string {
  return strata.map((name) => String(attributes[name] ?? NO_VALUE)).join(' / ');
}

interface Fit {
  readonly key: string;
  readonly stratum: string;
}

function fitFor(rule: WaveRule, candidates: readonly WaveCandidate[], leaveOut: (reason: string) => void): Fit[] {
  const matches = compileConditions(rule.conditions);
  const salt = saltState(rule.salt);
  const ranked = candidates.flatMap(({ key, attributes, wave }) => {
    const reason = wave !== null ? IN_ANOTHER : matches(attributes) ? undefined : NOT_OF_SEGMENT;
    if (reason === undefined)
      return [{ key, stratum: stratumOf(attributes, rule.strata), rank: murmur3Resume(salt, key) }];
    leaveOut(reason);
    return [];
  });
  return ranked.sort((one, other) => one.rank - other.rank || (one.key < other.key ? -1 : 1));
}

function thereOf(size: WaveSize, candidates: readonly WaveCandidate[]) {
  const before = new Set(size.kind === 'remaining' ? size.after.map(({ wave }) => wave) : []);
  return {
    all: candidates.length,
    remaining: candidates.filter(({ wave }) => wave === null).length,
    takenBefore: candidates.filter(({ wave }) => wave !== null && before.has(wave)).length,
  };
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
