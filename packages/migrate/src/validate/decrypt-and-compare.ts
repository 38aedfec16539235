import { createHash, timingSafeEqual } from 'node:crypto';
import { errorText } from '@theseus/core/error';
import type { Validation } from '../handler.ts';
import type { Envelope, SecretContext } from '../secrets/envelope.ts';

/**
 * Whether an encrypted value is readable and is the plaintext it was made of: `{ scores: { secrets: 1 } }`, else 0 with a note that holds
 * neither. Compared in constant time.
 */
export function decryptAndCompare(
  secrets: Pick<Envelope, 'decrypt'>,
  sealed: string,
  plain: string,
  context: SecretContext,
): Validation {
  try {
    const isSame = timingSafeEqual(digestOf(secrets.decrypt(sealed, context)), digestOf(plain));
    if (isSame) return { scores: { secrets: 1 } };
    return {
      scores: { secrets: 0 },
      note: `Field '${context.field}' is encrypted with another value than its plaintext`,
    };
  } catch (thrown) {
    return { scores: { secrets: 0 }, note: errorText(thrown) };
  }
}

/** Digests have one length, which timingSafeEqual asks for. */
function digestOf(text: string): Uint8Array {
  return createHash('sha256').update(text, 'utf8').digest();
}
