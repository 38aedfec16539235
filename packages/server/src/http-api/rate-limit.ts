import { TheseusError } from '@theseus/core/error';
import type { MiddlewareHandler } from 'hono';
import type { ApiEnvironment } from './http-api-parts.ts';

/** More tokens than this are forgotten and begin anew with a full second. */
const REMEMBERED_TOKENS = 10_000;

/**
 * Lets each token make so many requests a second, and a second's worth at once.
 *
 * @param now in milliseconds; a clock that goes back gives nobody anything
 */
export function rateLimit(perSecond: number, now: () => number): MiddlewareHandler<ApiEnvironment> {
  const buckets = new Map<string, { left: number; at: number }>();
  return async (context, next) => {
    const { name } = context.get('holder');
    const at = now();
    const bucket = buckets.get(name) ?? { left: perSecond, at };
    bucket.left = Math.min(perSecond, bucket.left + (Math.max(0, at - bucket.at) / 1_000) * perSecond);
    bucket.at = at;
    if (buckets.size >= REMEMBERED_TOKENS) buckets.clear();
    buckets.set(name, bucket);
    if (bucket.left < 1) {
      throw new TheseusError(
        'too-many-requests',
        `The token '${name}' may ask for ${perSecond} evaluations a second here: ask less often, or evaluate with an SDK`,
      );
    }
    bucket.left -= 1;
    return next();
  };
}
