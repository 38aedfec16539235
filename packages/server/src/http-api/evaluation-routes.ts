import { createHash } from 'node:crypto';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { createRoute, z } from '@hono/zod-openapi';
import { TheseusError } from '@theseus/core/error';
import {
  type CompiledFlags,
  compileFlags,
  type Evaluation,
  type EvaluationContext,
  type EvaluationReason,
  type FlagDocument,
} from '@theseus/core/flag';
import type { Context, MiddlewareHandler } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { API_LIMITS } from './api-settings.ts';
import { hasTagged } from './entity-tag.ts';
import { environmentOf, environmentRequest, ofrepEnvironment, ofrepKey } from './environment.ts';
import { formatEvent } from './event-stream.ts';
import type { ApiEnvironment, HttpApi, HttpApiParts } from './http-api-parts.ts';
import { catchUpWithEvent, eventStreams } from './ofrep-stream.ts';
import { OfrepText } from './ofrep-text.ts';
import type { OpenStreams } from './open-streams.ts';
import { rateLimit } from './rate-limit.ts';
import { BulkEvaluationSchema, EvaluationContextSchema, OfrepErrorSchema, OfrepSuccessSchema } from './schemas.ts';
import { ticketWindow } from './stream-ticket.ts';
import { json, limit } from './system-routes.ts';

const CONTEXT_BYTES = 256 * 1024;

/** OFREP 0.3 knows no others for a success: without a key legacy answers, and `metadata` says why. */
const OFREP_REASON: Readonly<Record<EvaluationReason, string>> = {
  OVERRIDE: 'TARGETING_MATCH',
  SEGMENT: 'TARGETING_MATCH',
  PREREQUISITE: 'TARGETING_MATCH',
  SPLIT: 'SPLIT',
  RETIRED: 'STATIC',
  DISABLED: 'DISABLED',
  DEFAULT: 'UNKNOWN',
  ERROR: 'UNKNOWN',
};

/** A JSON object that stands in a query. */
const QueriedContext = z
  .string()
  .max(8_192)
  .transform((text, issues) => {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      issues.addIssue('no JSON');
      return z.NEVER;
    }
  })
  .pipe(z.record(z.string(), z.unknown()));

type Compiled = (environment: string) => CompiledFlags;

/** OFREP, and one flag as a small JSON answer for front ends. */
export function addEvaluationRoutes(api: HttpApi, parts: HttpApiParts, streams: OpenStreams): void {
  const compiled = compiledFlags(parts);
  const perSecond = parts.settings?.maxEvaluationsPerSecond ?? API_LIMITS.maxEvaluationsPerSecond;
  const limited = rateLimit(perSecond, parts.now);
  api.use('/ofrep/v1/evaluate/*', limited);
  api.use('/api/feature-flags/*', limited);
  api.use('/ofrep/*', limit(CONTEXT_BYTES));
  api.use('/ofrep/v1/evaluate/flags/:key?', ofrepEnvironment, ofrepBody);
  addOfrepSingle(api, compiled);
  addOfrepBulk(api, parts, compiled);
  addOfrepConfiguration(api);
  addFeatureFlag(api, parts, { compiled, streams });
}

/** Compiled once per version of an environment. */
function compiledFlags(parts: HttpApiParts): Compiled {
  const known = new WeakMap<FlagDocument, CompiledFlags>();
  return (environment) => {
    const document = parts.flags.document(environment);
    const compiled = known.get(document) ?? compileFlags(document);
    known.set(document, compiled);
    return compiled;
  };
}

function ofrepAnswer(flags: CompiledFlags, evaluation: Evaluation) {
  const isDivided = flags.definition(evaluation.key)?.variants !== undefined;
  const metadata: Record<string, string | number> = { version: evaluation.version, detail: evaluation.reason };
  if (evaluation.errorCode !== undefined) metadata['errorCode'] = evaluation.errorCode;
  return {
    key: evaluation.key,
    // A flag is of one type: with variants, of the name that it answers.
    value: isDivided ? evaluation.variant : evaluation.arm === 'candidate',
    variant: evaluation.variant,
    reason: OFREP_REASON[evaluation.reason],
    metadata,
  };
}

function addOfrepSingle(api: HttpApi, compiled: Compiled): void {
  api.openapi(
    createRoute({
      method: 'post',
      path: '/ofrep/v1/evaluate/flags/{key}',
      summary: 'OFREP: evaluate one flag',
      request: {
        ...environmentRequest,
        params: z.object({ key: z.string().min(1).max(300) }),
        body: { content: { 'application/json': { schema: EvaluationContextSchema } }, required: true },
      },
      responses: {
        200: json(OfrepSuccessSchema, 'The answer'),
        400: json(OfrepErrorSchema, 'The request cannot be evaluated'),
        404: json(OfrepErrorSchema, 'There is no such flag'),
      },
    }),
    (context) => {
      const { key } = context.req.valid('param');
      const flags = compiled(environmentOf(context));
      const subject = context.req.valid('json').context as EvaluationContext;
      const evaluation = flags.evaluate(key, subject, Math.random());
      if (evaluation.errorCode !== 'FLAG_NOT_FOUND') return context.json(ofrepAnswer(flags, evaluation), 200);
      const answer = { key, errorCode: 'FLAG_NOT_FOUND', errorDetails: `there is no flag '${key}'` };
      return context.json(answer, 404);
    },
    (result, context) => (result.success ? undefined : context.json(badContext(context), 400)),
  );
}

/** Says in the words of OFREP that a body is no JSON. */
const ofrepBody: MiddlewareHandler<ApiEnvironment> = async (context, next) => {
  await next();
  if (!(context.error instanceof HTTPException)) return;
  const answer = { ...ofrepKey(context), errorCode: 'PARSE_ERROR', errorDetails: context.error.message };
  context.res = context.json(answer, 400);
};

function badContext(context: Context): z.infer<typeof OfrepErrorSchema> {
  const errorDetails = "send { 'context': { 'targetingKey': … } }";
  return { ...ofrepKey(context), errorCode: 'INVALID_CONTEXT', errorDetails };
}

function addOfrepBulk(api: HttpApi, parts: HttpApiParts, compiled: Compiled): void {
  const texts = new WeakMap<CompiledFlags, OfrepText>();
  api.openapi(
    createRoute({
      method: 'post',
      path: '/ofrep/v1/evaluate/flags',
      summary: 'OFREP: evaluate all flags',
      request: {
        ...environmentRequest,
        body: { content: { 'application/json': { schema: EvaluationContextSchema } }, required: true },
      },
      responses: {
        200: json(BulkEvaluationSchema, 'The answers, with an ETag, and where to hear of changes'),
        304: { description: 'Not changed for this context' },
        400: json(OfrepErrorSchema, 'The request cannot be evaluated'),
      },
    }),
    async (context) => {
      const subject = context.req.valid('json').context as EvaluationContext;
      const environment = environmentOf(context);
      await catchUpWithEvent(context, parts, environment);
      const flags = compiled(environment);
      const now = parts.now();
      // What is decided anew at each call is never what it was.
      if (!flags.needsDraw) {
        // With the span of the ticket, so that a page whose ticket is void gets another one instead of 304.
        const asked = JSON.stringify([environment, ticketWindow(now), subject]);
        const digest = createHash('sha256').update(asked).digest('base64url').slice(0, 16);
        const etag = `"v${flags.version}-${digest}"`;
        context.header('etag', etag);
        if (hasTagged(context, etag)) return context.body(null, 304);
      }
      const draw = Math.random();
      const text = texts.get(flags) ?? new OfrepText(flags, (evaluation) => ofrepAnswer(flags, evaluation));
      texts.set(flags, text);
      const metadata = { version: flags.version, environment };
      const streams = [...eventStreams(context, environment, now)];
      context.header('content-type', 'application/json');
      return context.body(text.write(subject, draw, { metadata, eventStreams: streams }), 200) as never;
    },
    (result, context) => (result.success ? undefined : context.json(badContext(context), 400)),
  );
}

function addOfrepConfiguration(api: HttpApi): void {
  const configuration = z.object({ name: z.string(), capabilities: z.looseObject({}) });
  api.openapi(
    createRoute({
      method: 'get',
      path: '/ofrep/v1/configuration',
      summary: 'OFREP: what this server can do',
      responses: { 200: json(configuration, 'Capabilities') },
    }),
    (context) =>
      context.json(
        {
          name: 'Theseus',
          capabilities: {
            cacheInvalidation: { polling: { enabled: true, minPollingIntervalMs: 1_000 } },
            flagEvaluation: { supportedTypes: ['boolean', 'string'] },
          },
        },
        200,
      ),
  );
}

interface Answering {
  readonly compiled: Compiled;
  readonly streams: OpenStreams;
}

/**
 * Whom a query asks about: each field is an attribute, as a text; `context`, a JSON object, gives those of other types.
 *
 * @throws TheseusError `invalid-argument` when `context` is no JSON object
 */
function queriedSubject(context: Context): EvaluationContext {
  const { context: typed, ...texts } = context.req.query();
  if (typed === undefined) return texts;
  const parsed = QueriedContext.safeParse(typed);
  if (parsed.success) return { ...texts, ...parsed.data };
  throw new TheseusError(
    'invalid-argument',
    `The query's context is no JSON object: send context={"userId":"ada","seats":5}, encoded for an address`,
  );
}

function addFeatureFlag(api: HttpApi, parts: HttpApiParts, { compiled, streams }: Answering): void {
  const answer = z.object({
    key: z.string(),
    enabled: z.boolean(),
    variant: z.string(),
    reason: z.string(),
    version: z.number(),
  });
  const answerFor = (key: string, subject: EvaluationContext, environment: string) => {
    const { arm, variant, reason, version } = compiled(environment).evaluate(key, subject, Math.random());
    return { key, enabled: arm === 'candidate', variant, reason, version };
  };
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/feature-flags/{key}',
      summary: 'One flag for one subject; poll it with its ETag, or stream it',
      request: { ...environmentRequest, params: z.object({ key: z.string().min(1).max(300) }) },
      responses: {
        200: {
          description: 'The answer',
          content: { 'application/json': { schema: answer }, 'text/event-stream': { schema: z.string() } },
        },
        304: { description: 'Not changed' },
        404: json(OfrepErrorSchema, 'There is no such flag'),
      },
    }),
    (context) => {
      const { key } = context.req.valid('param');
      const subject = queriedSubject(context);
      const environment = environmentOf(context);
      context.header('vary', 'theseus-environment, accept');
      if (!Object.hasOwn(parts.flags.document(environment).flags, key)) {
        return context.json({ key, errorCode: 'FLAG_NOT_FOUND', errorDetails: `there is no flag '${key}'` }, 404);
      }
      if (context.req.header('accept')?.includes('text/event-stream')) {
        let last = '';
        const send = (): void => {
          const current = answerFor(key, subject, environment);
          const seen = `${current.variant} ${current.reason}`;
          if (seen !== last) stream.send(formatEvent('flag', current));
          last = seen;
        };
        let unsubscribe = (): void => undefined;
        const stream = streams.open(context, context.get('holder').name, () => unsubscribe());
        unsubscribe = parts.flags.onChange((_document, _patch, changed) => {
          if (changed === environment) send();
        });
        send();
        return RESPONSE_ALREADY_SENT as never;
      }
      const current = answerFor(key, subject, environment);
      // Weak, because the version in the answer may have moved on where nothing else has.
      const etag = `W/"${current.variant}-${current.reason}"`;
      context.header('etag', etag);
      context.header('cache-control', 'no-cache');
      if (hasTagged(context, etag)) return context.body(null, 304);
      return context.json(current, 200);
    },
  );
}
