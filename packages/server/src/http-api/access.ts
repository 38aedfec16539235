import { TheseusError } from '@theseus/core/error';
import type { Context, MiddlewareHandler } from 'hono';
import type { Role, TokenHolder, TokenService } from '../ports/token-service.ts';
import { isBrowserPass, passHolder } from './browser-pass.ts';
import { environmentOf } from './environment.ts';
import type { ApiEnvironment } from './http-api-parts.ts';

type Access = Role | 'browser' | 'anyone';

const OPERATOR: readonly Access[] = ['operator'];
const BOTH: readonly Access[] = ['operator', 'sdk'];
const EVALUATORS: readonly Access[] = ['operator', 'sdk', 'browser'];

/** Who may use what, first match wins. What is not listed is open to operators only. */
const TABLE: readonly { readonly method: string; readonly path: RegExp; readonly roles: readonly Access[] }[] = [
  { method: 'GET', path: /^\/api\/v1\/health$/, roles: ['anyone'] },
  { method: 'GET', path: /^\/openapi\.json$/, roles: ['anyone'] },
  { method: 'GET', path: /^\/api\/v1\/flags(\/stream)?$/, roles: BOTH },
  { method: 'POST', path: /^\/api\/v1\/telemetry$/, roles: BOTH },
  { method: 'POST', path: /^\/api\/v1\/signals\/[^/]+\/report$/, roles: BOTH },
  { method: 'POST', path: /^\/api\/v1\/alerts$/, roles: BOTH },
  { method: 'GET', path: /^\/api\/feature-flags\/[^/]+$/, roles: EVALUATORS },
  { method: 'POST', path: /^\/ofrep\/v1\/evaluate\/flags(\/[^/]+)?$/, roles: EVALUATORS },
  { method: 'GET', path: /^\/ofrep\/v1\/configuration$/, roles: EVALUATORS },
  // By the ticket in its address.
  { method: 'GET', path: /^\/ofrep\/v1\/event-stream$/, roles: ['anyone'] },
];

/** The bearer's token; OFREP lets it stand in a header of its own too. */
function tokenOf(context: Context): string | undefined {
  const bearer = /^Bearer\s+(\S+)$/i.exec(context.req.header('authorization') ?? '')?.[1];
  return bearer ?? (context.req.path.startsWith('/ofrep/') ? context.req.header('x-api-key') : undefined);
}

export function rolesFor(method: string, path: string): readonly Access[] {
  const asked = method === 'HEAD' ? 'GET' : method;
  return TABLE.find((entry) => entry.method === asked && entry.path.test(path))?.roles ?? OPERATOR;
}

/** How long a token that was found good is not looked up again. */
const REMEMBER_MS = 5_000;
const REMEMBERED_TOKENS = 1_000;

/** Lets a request through only with a token whose role the table names. */
export function requireRole(tokens: TokenService, now: () => number): MiddlewareHandler<ApiEnvironment> {
  const known = new Map<string, { readonly holder: TokenHolder; readonly until: number }>();
  const authenticate = async (token: string): Promise<TokenHolder | null> => {
    const remembered = known.get(token);
    if (remembered !== undefined && remembered.until > now()) return remembered.holder;
    known.delete(token);
    const holder = isBrowserPass(token) ? await passHolder(tokens, token, now()) : await tokens.authenticate(token);
    if (holder === null) return null;
    if (known.size >= REMEMBERED_TOKENS) known.clear();
    known.set(token, { holder, until: now() + REMEMBER_MS });
    return holder;
  };
  return async (context, next) => {
    const roles = rolesFor(context.req.method, context.req.path);
    if (roles.includes('anyone')) return next();
    const token = tokenOf(context);
    if (token === undefined) {
      throw new TheseusError('unauthorized', "A token is needed: send 'Authorization: Bearer <token>'");
    }
    const holder = await authenticate(token);
    if (holder === null) throw new TheseusError('unauthorized', 'The token is not known here');
    if (!roles.includes(holder.role)) {
      throw new TheseusError('forbidden', `The role ${holder.role} may not do this; it takes ${roles.join(' or ')}`);
    }
    const { environment } = holder;
    if (environment !== undefined && environmentOf(context) !== environment) {
      throw new TheseusError('forbidden', `This pass is for the environment ${environment} alone`);
    }
    context.set('holder', holder);
    return next();
  };
}
