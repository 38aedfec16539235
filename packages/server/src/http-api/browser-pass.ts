import type { TokenHolder, TokenService } from '../ports/token-service.ts';
import { signerOf } from './token-signature.ts';

/** As `browserPass()` of the SDK writes it: whose, for which environment, until when, signed. */
const PASS = /^ths_web_([\w-]{22})\.([a-z0-9-]{1,60})\.(\d{1,12})\.([\w-]{43})$/;
/** A pass that would be good for longer is none: it stands in pages, where anybody reads it. */
const LONGEST_MS = 24 * 3_600_000;
/** Clocks of those who write passes may be ahead of ours by so much. */
const CLOCK_MS = 60_000;

export function isBrowserPass(token: string): boolean {
  return token.startsWith('ths_web_');
}

/**
 * The bearer of a pass that the holder of an SDK's token wrote for the pages it serves: it evaluates in one environment and
 * does nothing else. Null for one that is void, or that nobody here wrote.
 */
export async function passHolder(
  tokens: Pick<TokenService, 'bearers'>,
  pass: string,
  now: number,
): Promise<TokenHolder | null> {
  const [, fingerprint, environment, expires, signature] = PASS.exec(pass) ?? [];
  if (fingerprint === undefined || environment === undefined || signature === undefined) return null;
  const until = Number(expires) * 1_000;
  if (until <= now || until > now + LONGEST_MS + CLOCK_MS) return null;
  const signer = await signerOf(tokens, { fingerprint, signature }, `evaluate ${environment} ${expires}`);
  return signer === null ? null : { name: `${signer.name} in browsers`, role: 'browser', key: signer.key, environment };
}
