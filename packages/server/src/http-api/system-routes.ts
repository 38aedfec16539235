import { createRoute, z } from '@hono/zod-openapi';
import { TheseusError } from '@theseus/core/error';
import { DEFAULT_ENVIRONMENT } from '@theseus/core/flag';
import { latencyFactors, PROFILES, TELEMETRY_BATCH_LIMIT_BYTES, type TelemetryBatch } from '@theseus/core/health';
import { bodyLimit } from 'hono/body-limit';
import { environmentFilter, environmentFilterRequest, environmentOf, environmentRequest } from './environment.ts';
import type { HttpApi, HttpApiParts } from './http-api-parts.ts';
import { ErrorSchema, ReportSchema } from './schemas.ts';
import { ComparisonSchema, TelemetryBatchSchema } from './telemetry-schema.ts';

export const API_VERSION = '0.1.0';
const SMALL_BODY_BYTES = 256 * 1024;

export const json = <Schema extends z.ZodType>(schema: Schema, description: string) => ({
  description,
  content: { 'application/json': { schema } },
});

export const refused = json(ErrorSchema, 'Refused, with the reason');

/** Refuses a larger body before it is read. */
export const limit = (maxSize: number) =>
  bodyLimit({
    maxSize,
    onError: () => {
      throw new TheseusError('limit-exceeded', `The body is larger than ${maxSize} bytes`);
    },
  });

/** Health of the server itself, instances, telemetry and reported values. */
export function addSystemRoutes(api: HttpApi, parts: HttpApiParts): void {
  api.use('/api/v1/signals/*', limit(SMALL_BODY_BYTES));
  api.use('/api/v1/telemetry', limit(TELEMETRY_BATCH_LIMIT_BYTES));
  addHealth(api, parts);
  addTelemetry(api, parts);
  addComparison(api, parts);
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/signals/{name}/report',
      summary: 'Report a value for a signal',
      request: {
        params: z.object({ name: z.string().min(1).max(200) }),
        body: { content: { 'application/json': { schema: ReportSchema } }, required: true },
      },
      responses: {
        200: json(z.object({ usedBy: z.array(z.string()) }), 'Kept; the unfinished runs that read it'),
        400: refused,
        404: refused,
      },
    }),
    async (context) => {
      const { name } = context.req.valid('param');
      const { value, sample, run, flag, environment } = context.req.valid('json');
      const by = context.get('holder').name;
      const named = {
        ...(run === undefined ? {} : { runId: run }),
        ...(flag === undefined ? {} : { flag }),
        ...(environment === undefined ? {} : { environment }),
      };
      const usedBy = await parts.runs.readersOf(name, named);
      const runId = run === undefined ? null : (usedBy[0] ?? run);
      await parts.telemetry.report({
        signal: name,
        value,
        runId,
        environment: environment ?? null,
        flag: flag ?? null,
        sample: sample ?? null,
        by,
      });
      return context.json({ usedBy: [...usedBy] }, 200);
    },
  );
}

function addHealth(api: HttpApi, parts: HttpApiParts): void {
  const health = z.object({
    status: z.literal('ok'),
    version: z.string(),
    database: z.literal('ok'),
    time: z.number(),
  });
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/health',
      summary: 'Whether server and database answer',
      security: [],
      responses: { 200: json(health, 'They do'), 503: refused },
    }),
    async (context) => {
      await parts.health();
      return context.json({ status: 'ok', version: API_VERSION, database: 'ok', time: parts.now() } as const, 200);
    },
  );
}

function addTelemetry(api: HttpApi, parts: HttpApiParts): void {
  const body = { content: { 'application/json': { schema: TelemetryBatchSchema } }, required: true };
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/telemetry',
      summary: 'Take in the counters of one SDK instance',
      request: { body },
      responses: {
        200: json(z.object({ version: z.number() }), 'Durable; the version of the flags of its environment now'),
        400: refused,
      },
    }),
    async (context) => {
      const batch = context.req.valid('json') as TelemetryBatch;
      await parts.telemetry.receive(batch);
      const { version } = parts.flags.document(batch.environment ?? DEFAULT_ENVIRONMENT);
      return context.json({ version }, 200);
    },
  );
  const totals = z.object({ flags: z.record(z.string(), z.looseObject({})) });
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/telemetry/totals',
      summary: 'All requests ever counted in an environment, by flag and arm',
      request: environmentRequest,
      responses: { 200: json(totals, 'The counts') },
    }),
    async (context) =>
      context.json(
        {
          flags: { ...(await parts.telemetry.totals(environmentOf(context))) } as Record<
            string,
            Record<string, unknown>
          >,
        },
        200,
      ),
  );
  const instance = z.object({
    instance: z.string(),
    service: z.string(),
    environment: z.string(),
    servedVersion: z.number(),
    lastSeen: z.number(),
  });
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/instances',
      summary: 'SDK instances and the version each serves, of one environment where it is named',
      request: environmentFilterRequest,
      responses: { 200: json(z.object({ instances: z.array(instance) }), 'Those heard of within a day') },
    }),
    async (context) =>
      context.json({ instances: [...(await parts.telemetry.instances(environmentFilter(context)))] }, 200),
  );
}

/** How long SDKs may have been silent for what they counted to stand for the present. */
const FRESH_FOR_MS = 60_000;

function addComparison(api: HttpApi, parts: HttpApiParts): void {
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/telemetry/comparison/{flag}',
      summary: 'What both arms of a flag counted of users whom hash alone sent there',
      request: { ...environmentRequest, params: z.object({ flag: z.string().min(1).max(300) }) },
      responses: {
        200: json(
          ComparisonSchema,
          'Cumulative counts, those of users since the split last changed; or why there are none',
        ),
        400: refused,
      },
    }),
    async (context) => {
      const { flag } = context.req.valid('param');
      const comparison = await parts.comparisons.compare({
        flag,
        environment: environmentOf(context),
        now: parts.now(),
        freshForMs: FRESH_FOR_MS,
        factors: latencyFactors(PROFILES.balanced),
      });
      return context.json(comparison as z.output<typeof ComparisonSchema>, 200);
    },
  );
}
