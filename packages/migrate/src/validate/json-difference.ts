import {
  type CompareOptions,
  type CountedDifference,
  compileCompareRules,
  countDifferences,
  countValues,
} from '@theseus/core/compare';
import { TheseusError } from '@theseus/core/error';

const LIMITS = { values: 1_000_000, told: 200 } as const;

export interface JsonDifference {
  /** From 0 to 1: which share of the values of both is the same; what is missing or more counts with all that is in it. */
  readonly score: number;
  /**
   * What differs by path, with the indices of lists folded to `[*]`: how often, and one example. At most 200 paths. Examples are the
   * subject's own data: keep them where that may be kept.
   */
  readonly differences: readonly CountedDifference[];
}

/**
 * Compares two states by structure, as the SDK compares answers: `$.items[*].price` names a path, `.*` any key; tolerances are absolute or
 * relative; lists are in order unless `unordered` or `keys` says how their items find each other.
 *
 * @throws TheseusError `limit-exceeded` above a million values or a hundred levels; `invalid-argument` for a path that cannot be read
 * @example jsonDifference({ total: 10 }, { total: 10.004 }, { tolerances: { '$.total': { absolute: 0.01 } } }).score // 1
 */
export function jsonDifference(before: unknown, after: unknown, options: CompareOptions = {}): JsonDifference {
  const rules = compileCompareRules(options);
  const valuesIn = (value: unknown) => countValues(value, rules);
  let apart = 0;
  let more = 0;
  const compared = countDifferences(before, after, rules, LIMITS, ({ legacy, candidate }) => {
    const [lost, added] = [countPart(legacy), countPart(candidate)];
    apart += Math.max(lost, added);
    more += Math.max(0, added - lost);
  });
  if (compared.kind === 'equal') return { score: 1, differences: [] };
  if (compared.kind === 'too-large') throw tooLarge();
  const all = Math.max(1, valuesIn(before) + more);
  return { score: Math.max(0, 1 - apart / all), differences: compared.differences };
}

const NO_RULES = compileCompareRules({});

function countPart(value: unknown): number {
  return value === undefined ? 0 : countValues(value, NO_RULES);
}

function tooLarge(): TheseusError {
  return new TheseusError(
    'limit-exceeded',
    `Cannot compare states of more than ${LIMITS.values} values or 100 levels: compare their parts, or their checksums`,
  );
}
