import { murmur3ResumeSigned, type SaltState, saltState } from './murmur3.ts';

/** What follows the salt in each of the two hashes: four bytes, so that neither is the hash that picks the arm. */
const LOW_SALT = '/who';
const HIGH_SALT = '/is?';
const HIGH_BITS = 0x1fffff;
const LOW_VALUES = 2 ** 32;

/**
 * The pseudonym under which a subject is counted: 53 bits of two murmur3 hashes of the plan's salt and the subject's
 * key, independent of the hash that picks the arm. Two of a million subjects share one with a probability of 1 in 18 000.
 *
 * It keeps keys out of the network and the database. It is no secret: who has the salt and a list of keys can
 * find out which of them were counted.
 */
export class SubjectHasher {
  readonly #low: SaltState;
  readonly #high: SaltState;

  constructor(salt: string) {
    this.#low = saltState(salt + LOW_SALT);
    this.#high = saltState(salt + HIGH_SALT);
  }

  /** A whole number from 0 to 2^53 - 1. */
  hash(key: string): number {
    const low = murmur3ResumeSigned(this.#low, key) >>> 0;
    return (murmur3ResumeSigned(this.#high, key) & HIGH_BITS) * LOW_VALUES + low;
  }
}

/**
 * Whether a subject belongs to the sample that keeps one of 2^level subjects: the leading bits of the lower 32 are zero, so that
 * each sample holds all that are smaller.
 */
export function isSampled(subject: number, level: number): boolean {
  return level === 0 || subject >>> (32 - level) === 0;
}

/** No sample is thinner than one subject of 2^31. */
export const THINNEST_SAMPLE = 31;
