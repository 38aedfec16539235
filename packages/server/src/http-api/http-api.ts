import { OpenAPIHono } from '@hono/zod-openapi';
import { TheseusError } from '@theseus/core/error';
import { HTTPException } from 'hono/http-exception';
import { requireRole } from './access.ts';
import { addAlertRoutes } from './alert-routes.ts';
import { cors } from './cors.ts';
import { addDifferenceRoutes } from './difference-routes.ts';
import { addDoctorRoutes } from './doctor-routes.ts';
import { errorAnswer, retryAfterS, statusOf } from './error-answer.ts';
import { addEvaluationRoutes } from './evaluation-routes.ts';
import { addFlagRoutes } from './flag-routes.ts';
import { addFlagStateRoutes } from './flag-state-routes.ts';
import type { ApiEnvironment, HttpApi, HttpApiParts } from './http-api-parts.ts';
import { addOfrepStream } from './ofrep-stream.ts';
import { OpenStreams } from './open-streams.ts';
import { addOverrideRoutes } from './override-routes.ts';
import { addRunRoutes } from './run-routes.ts';
import { addSwitchRoutes } from './switch-routes.ts';
import { addSystemRoutes } from './system-routes.ts';

/** The whole HTTP API over its ports. Every route is closed until the table of access opens it. */
export function createHttpApi(parts: HttpApiParts): HttpApi {
  const api: HttpApi = new OpenAPIHono<ApiEnvironment>({
    defaultHook: async (result, context) => {
      if (result.success) return refuseNul(result.target === 'json' ? await context.req.text() : result.data);
      const [issue] = result.error.issues;
      const place = issue?.path.join('.') || 'body';
      throw new TheseusError(
        'invalid-argument',
        `The request is not valid at '${place}': ${issue?.message ?? 'unknown'}`,
      );
    },
  });
  api.use('*', async (context, next) => {
    // Before the answer is made: put into one that is there they would have it, body and all, made once more.
    context.header('x-content-type-options', 'nosniff');
    context.header('cache-control', 'no-store');
    context.header('content-security-policy', "default-src 'none'; frame-ancestors 'none'");
    await next();
  });
  const { settings = {} } = parts;
  const streams = new OpenStreams(settings);
  api.use('*', cors(settings.corsOrigins ?? []));
  api.use('*', requireRole(parts.tokens, parts.now));
  addSystemRoutes(api, parts);
  addAlertRoutes(api, parts);
  addDoctorRoutes(api, parts);
  addRunRoutes(api, parts, streams);
  addSwitchRoutes(api, parts);
  addFlagRoutes(api, parts, streams);
  addFlagStateRoutes(api, parts);
  addDifferenceRoutes(api, parts);
  addEvaluationRoutes(api, parts, streams);
  addOfrepStream(api, parts, streams);
  addOverrideRoutes(api, parts);
  api.openAPIRegistry.registerComponent('securitySchemes', 'bearer', { type: 'http', scheme: 'bearer' });
  api.doc31('/openapi.json', {
    openapi: '3.1.0',
    info: { title: 'Theseus', version: '1', description: 'Runs, flags, telemetry and evaluation' },
    security: [{ bearer: [] }],
  });
  api.notFound((context) => {
    const error = new TheseusError('not-found', `There is nothing at ${context.req.method} ${context.req.path}`);
    return context.json(errorAnswer(error), 404);
  });
  api.onError((error, context) => {
    if (error instanceof HTTPException && error.status < 500) {
      return context.json(
        errorAnswer(new TheseusError('invalid-argument', error.message || 'The request cannot be read')),
        error.status,
      );
    }
    const status = statusOf(error);
    const retryAfter = retryAfterS(error);
    if (retryAfter !== undefined) context.header('retry-after', String(retryAfter));
    if (status === 401) context.header('www-authenticate', 'Bearer');
    if (status >= 500) parts.log('error', `${context.req.method} ${context.req.path} failed: ${error.message}`);
    if (context.req.path.startsWith('/ofrep/')) return context.json(ofrepError(error), status);
    return context.json(errorAnswer(error), status);
  });
  return api;
}

/** Any error in the words of OFREP. */
function ofrepError(error: unknown): { readonly errorCode: 'GENERAL'; readonly errorDetails: string } {
  return { errorCode: 'GENERAL', errorDetails: errorAnswer(error).error.message };
}

/** A NUL as JSON spells it: an escaped backslash may stand before it, but none that would escape its own. */
const SPELLED_NUL = /(?<!\\)(?:\\\\)*\\u0000/;

/** PostgreSQL keeps no NUL: it would fail what is stored together with it, and each later look into what holds it. */
function refuseNul(given: unknown): void {
  if (!SPELLED_NUL.test(typeof given === 'string' ? given : JSON.stringify(given))) return;
  throw new TheseusError(
    'invalid-argument',
    'The request is not valid: it has the character NUL, which cannot be kept',
  );
}
