import type { TokenHolder, TokenService } from '../ports/token-service.ts';
import { fingerprintOf, signatureOf, signerOf } from './token-signature.ts';

/** A ticket is the same for so long, so that asking again does not give a page another stream to open. */
const WINDOW_MS = 12 * 3_600_000;
const TICKET = /^([\w-]{22})\.(\d{1,12})\.([\w-]{43})$/;

/** In which span of tickets this moment lies: within one, a bearer's tickets are all the same. */
export function ticketWindow(now: number): number {
  return Math.floor(now / WINDOW_MS);
}

/**
 * What opens one environment's stream of changes in place of a token, which browsers cannot send with `EventSource`: it
 * stands in an address, opens nothing else, and is void after 12 to 24 hours, or with its token.
 */
export function streamTicket({ key }: TokenHolder, environment: string, now: number): string {
  const expires = ((ticketWindow(now) + 2) * WINDOW_MS) / 1_000;
  return `${fingerprintOf(key)}.${expires}.${signatureOf(key, signedText(environment, expires))}`;
}

/** The bearer that a ticket for this environment was made for; null for one that is void or was never made. */
export async function ticketHolder(
  tokens: Pick<TokenService, 'bearers'>,
  ticket: string,
  environment: string,
  now: number,
): Promise<TokenHolder | null> {
  const [, fingerprint, expires, signature] = TICKET.exec(ticket) ?? [];
  if (fingerprint === undefined || signature === undefined || Number(expires) * 1_000 <= now) return null;
  return signerOf(tokens, { fingerprint, signature }, signedText(environment, Number(expires)));
}

function signedText(environment: string, expires: number): string {
  return `stream ${environment} ${expires}`;
}
