import { createHash, createHmac } from 'node:crypto';
import { TheseusError } from '@theseus/core/error';
import { DEFAULT_ENVIRONMENT, environmentNameProblem, isEnvironmentName } from '@theseus/core/flag';

export interface BrowserPassOptions {
  /** The token of the role `sdk` that signs; it never leaves this process. */
  readonly token: string;
  /** The only environment whose flags the page may evaluate; `default` unless given. */
  readonly environment?: string;
  /** How long it is good for, in milliseconds; an hour unless given, a day at most. */
  readonly forMs?: number;
}

const HOUR_MS = 3_600_000;
const LONGEST_MS = 24 * HOUR_MS;

/**
 * A pass for the pages that this process serves, to stand in place of a token: with it a browser evaluates flags over OFREP
 * and hears of changes, and can do nothing else. Anybody who sees the page may read it, so it is good for a while only.
 *
 * @param now epoch milliseconds
 * @throws TheseusError `invalid-argument` when an option cannot be used
 * @example const pass = browserPass({ token: process.env.THESEUS_TOKEN, environment: 'production' });
 */
export function browserPass(options: BrowserPassOptions, now: number = Date.now()): string {
  const { token, environment = DEFAULT_ENVIRONMENT, forMs = HOUR_MS } = options;
  if (typeof token !== 'string' || token === '') {
    throw new TheseusError('invalid-argument', 'Cannot sign a pass without the token of the role sdk');
  }
  if (!isEnvironmentName(environment)) throw new TheseusError('invalid-argument', environmentNameProblem(environment));
  if (!(forMs > 0 && forMs <= LONGEST_MS)) {
    throw new TheseusError(
      'invalid-argument',
      `Cannot sign a pass for ${forMs} ms: a day, ${LONGEST_MS} ms, is the most`,
    );
  }
  // Servers know the hash of a token and nothing else of it.
  const key = createHash('sha256').update(token).digest('hex');
  const fingerprint = createHash('sha256').update(`fingerprint ${key}`).digest('base64url').slice(0, 22);
  const expires = Math.floor((now + forMs) / 1_000);
  const signature = createHmac('sha256', key).update(`evaluate ${environment} ${expires}`).digest('base64url');
  return `ths_web_${fingerprint}.${environment}.${expires}.${signature}`;
}
