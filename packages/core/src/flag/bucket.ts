import { EXPOSURE_WHOLE } from './flag-document.ts';
import { murmur3ResumeSigned, type SaltState } from './murmur3.ts';

const HASHES = 2 ** 32;

/**
 * The subject's place in the queue for the candidate: 0 to 99 999, the same for every flag that shares the salt.
 * A subject is in when its bucket lies below the exposure, so growing never removes anyone.
 *
 * Multiply-shift of murmur3-32, as flagd's `fractional`: hash × 100 000 stays below 2^53, so the product is exact.
 *
 * @example bucket(saltState('cvplus-2026a'), 'user-1') // 73190
 */
export function bucket(state: SaltState, key: string): number {
  return Math.floor(((murmur3ResumeSigned(state, key) >>> 0) * EXPOSURE_WHOLE) / HASHES) | 0;
}
