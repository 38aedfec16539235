import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { TokenHolder, TokenService } from '../ports/token-service.ts';

/** Names a token without a hint at what it is. */
export function fingerprintOf(key: string): string {
  return createHash('sha256').update(`fingerprint ${key}`).digest('base64url').slice(0, 22);
}

/**
 * Signs with what every server of the installation, and by the token its bearer, know: the token's hash. What is signed is
 * void once the token is.
 */
export function signatureOf(key: string, text: string): string {
  return createHmac('sha256', key).update(text).digest('base64url');
}

/** The bearer who signed the text; null when nobody here did. */
export async function signerOf(
  tokens: Pick<TokenService, 'bearers'>,
  { fingerprint, signature }: { readonly fingerprint: string; readonly signature: string },
  text: string,
): Promise<TokenHolder | null> {
  const holder = (await tokens.bearers()).find(({ key }) => fingerprintOf(key) === fingerprint);
  if (holder === undefined) return null;
  const expected = Buffer.from(signatureOf(holder.key, text));
  const given = Buffer.from(signature);
  return given.length === expected.length && timingSafeEqual(given, expected) ? holder : null;
}
