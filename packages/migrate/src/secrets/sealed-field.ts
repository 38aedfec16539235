import { errorText, TheseusError } from '@theseus/core/error';
import { decryptAndCompare } from '../validate/decrypt-and-compare.ts';
import type { Envelope, SecretContext } from './envelope.ts';

/**
 * A secret on its way from plaintext to encrypted, in two columns: first only `plain`, then both, then only `sealed`. Each function here
 * takes what is stored and returns what to store, so that one statement can write it.
 */
export interface SealedField {
  readonly plain: string | null;
  readonly sealed: string | null;
}

/** What a program works with, and where it came from. */
export interface FieldReading {
  readonly value: string | null;
  readonly from: 'nowhere' | 'plain' | 'sealed';
  /** Why the encrypted value was not used though there is one; count it, since it must be none before plaintext is removed. */
  readonly problem?: string;
}

/** Adds the encrypted value and keeps the plaintext as fallback. What is sealed rightly already stays, so this can be done again. */
export function sealField(field: SealedField, context: SecretContext, secrets: Envelope): SealedField {
  if (field.plain === null || isVerified(field, context, secrets)) return field;
  return { plain: field.plain, sealed: secrets.encrypt(field.plain, context) };
}

/**
 * The encrypted value where it can be read and does not contradict the plaintext; else the plaintext while there is one, since a program
 * that knows nothing of encryption yet may have written it since.
 *
 * @throws TheseusError `corrupt-record` or `not-found` where only an encrypted value is left and it cannot be read
 */
export function readField(field: SealedField, context: SecretContext, secrets: Envelope): FieldReading {
  const { plain, sealed } = field;
  if (sealed === null) return plain === null ? { value: null, from: 'nowhere' } : { value: plain, from: 'plain' };
  if (plain === null) return { value: secrets.decrypt(sealed, context), from: 'sealed' };
  try {
    if (secrets.decrypt(sealed, context) === plain) return { value: plain, from: 'sealed' };
    return {
      value: plain,
      from: 'plain',
      problem: `Field '${context.field}' is encrypted with another value than its plaintext`,
    };
  } catch (thrown) {
    return { value: plain, from: 'plain', problem: errorText(thrown) };
  }
}

/**
 * Removes the plaintext, once the encrypted value has been decrypted and is the same.
 *
 * @throws TheseusError `invalid-state` where that cannot be shown
 */
export function clearPlain(field: SealedField, context: SecretContext, secrets: Envelope): SealedField {
  if (field.plain === null) return field;
  if (isVerified(field, context, secrets)) return { plain: null, sealed: field.sealed };
  throw new TheseusError(
    'invalid-state',
    `Cannot remove the plaintext of field '${context.field}': its encrypted value is missing, unreadable or another one; seal it first`,
  );
}

/** The way back: plaintext again, from the encrypted value where it was removed. */
export function unsealField(field: SealedField, context: SecretContext, secrets: Envelope): SealedField {
  return { plain: readField(field, context, secrets).value, sealed: null };
}

function isVerified({ plain, sealed }: SealedField, context: SecretContext, secrets: Envelope): boolean {
  return (
    plain !== null && sealed !== null && decryptAndCompare(secrets, sealed, plain, context).scores['secrets'] === 1
  );
}
