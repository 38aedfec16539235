import { bucket } from './bucket.ts';
import type { FlagDefinition } from './flag-document.ts';
import type { SaltState } from './murmur3.ts';
import type { SaltCache } from './own-answer.ts';

/** What follows the salt in the hash that picks the variant: four bytes, so that it is independent of the arm's hash. */
const VARIANT_SALT = '/var';

/** Where there is no variant: on legacy, or on a candidate that is one. */
export const NO_VARIANT = -1;

/**
 * How the subjects on the candidate are divided. Exposure has no part in it, so whoever has a variant keeps it for as
 * long as the weights stay.
 */
export class VariantSplit {
  readonly names: readonly string[];
  /** Up to where each variant but the last reaches, in parts of the whole. */
  readonly #ends: readonly number[];
  readonly #state: SaltState;

  constructor({ salt, variants = [] }: FlagDefinition, salts: SaltCache) {
    this.names = variants.map(({ name }) => name);
    let end = 0;
    // The last takes what is left, whatever was rounded.
    this.#ends = variants.slice(0, -1).map(({ weight }) => {
      end += weight;
      return end;
    });
    this.#state = salts.stateOf(salt + VARIANT_SALT);
  }

  /** Which of the variants a subject takes; {@link NO_VARIANT} where there are none. */
  indexOf(subject: string): number {
    const ends = this.#ends;
    if (this.names.length === 0) return NO_VARIANT;
    const place = bucket(this.#state, subject);
    let at = 0;
    while (at < ends.length && place >= (ends[at] as number)) at += 1;
    return at;
  }
}
