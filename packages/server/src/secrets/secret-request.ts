import { TheseusError } from '@theseus/core/error';
import type { FillSecrets } from './fill-secrets.ts';

/**
 * A request to an address whose secrets are filled in at this last moment.
 *
 * @throws TheseusError `invalid-argument` without the address: filled in, it must not be shown
 */
export function secretRequest(address: string, init: RequestInit, fill: FillSecrets): Request {
  const filled = fill(address);
  try {
    return new Request(filled, init);
  } catch {
    throw new TheseusError(
      'invalid-argument',
      'The address, with its secrets filled in, cannot be asked: it must be a whole one, without user and password',
    );
  }
}
