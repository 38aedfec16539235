import type { Context, MiddlewareHandler } from 'hono';
import type { ApiEnvironment } from './http-api-parts.ts';

/** What pages of other origins may ask: evaluations, and nothing else. */
const OPEN = /^\/(ofrep\/v1|api\/feature-flags)\//;
const METHODS = 'GET, POST';
const REQUEST_HEADERS = 'authorization, content-type, if-none-match, theseus-environment, x-api-key';
const ANSWER_HEADERS = 'etag, retry-after';
/** Browsers keep the permission for so long, in seconds. */
const MAX_AGE_S = 600;

/**
 * Lets pages of the named origins evaluate flags. There is no `*` and there are no cookies: a page proves itself by its
 * token, and only where somebody listed its origin.
 */
export function cors(origins: readonly string[]): MiddlewareHandler<ApiEnvironment> {
  const allowed = new Set(origins);
  return async (context, next) => {
    const origin = context.req.header('origin');
    if (origins.length === 0 || !OPEN.test(context.req.path)) return next();
    const isAllowed = origin !== undefined && allowed.has(origin);
    if (isAllowed) context.set('cors', answerHeaders(origin));
    if (isAllowed && isPreflight(context))
      return new Response(null, { status: 204, headers: preflightHeaders(origin) });
    await next();
    if (context.res.headers.has('x-hono-already-sent')) return;
    // Also where the origin is not allowed: a cache must not give its answer to one that is.
    context.header('vary', 'origin', { append: true });
    for (const [name, value] of Object.entries(corsHeadersOf(context))) {
      if (name !== 'vary') context.header(name, value);
    }
  };
}

/** The headers that a stream, which writes its own head, has to carry for the page that asked. */
export function corsHeadersOf(context: Context<ApiEnvironment>): Readonly<Record<string, string>> {
  return context.get('cors') ?? {};
}

function isPreflight(context: Context): boolean {
  return context.req.method === 'OPTIONS' && context.req.header('access-control-request-method') !== undefined;
}

function answerHeaders(origin: string): Readonly<Record<string, string>> {
  return { 'access-control-allow-origin': origin, 'access-control-expose-headers': ANSWER_HEADERS, vary: 'origin' };
}

function preflightHeaders(origin: string): Record<string, string> {
  return {
    ...answerHeaders(origin),
    'access-control-allow-methods': METHODS,
    'access-control-allow-headers': REQUEST_HEADERS,
    'access-control-max-age': String(MAX_AGE_S),
  };
}
