import { createRoute, z } from '@hono/zod-openapi';
import { TheseusError } from '@theseus/core/error';
import { environmentOf, environmentRequest } from './environment.ts';
import type { HttpApi, HttpApiParts } from './http-api-parts.ts';
import { json, refused } from './system-routes.ts';

const count = z.number().int();

const DifferenceReportSchema = z
  .object({
    flag: z.string(),
    environment: z.string(),
    totals: z.object({
      compared: count,
      equal: count,
      different: count,
      dropped: count.openapi({ description: 'Not compared, for want of room or as the breaker was open' }),
      timedOut: count,
      shadowFailed: count,
      since: z.number().nullable().openapi({ description: 'Epoch milliseconds; null where nothing was compared yet' }),
    }),
    paths: z.array(
      z.object({
        path: z.string(),
        kind: z.enum(['missing', 'extra', 'changed', 'type']),
        count,
        samples: z
          .array(z.object({ legacy: z.string(), candidate: z.string() }))
          .openapi({ description: 'As the program redacted them' }),
        firstAt: z.number(),
        lastAt: z.number(),
      }),
    ),
  })
  .openapi('DifferenceReport');

/** What the answers of both sides of a migration differ in. */
export function addDifferenceRoutes(api: HttpApi, parts: HttpApiParts): void {
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/flags/{key}/differences',
      summary: 'What the answers of both sides of a migration differ in, by place',
      request: { ...environmentRequest, params: z.object({ key: z.string().min(1).max(300) }) },
      responses: {
        200: json(DifferenceReportSchema, 'The differences, the most frequent first'),
        400: refused,
        404: refused,
      },
    }),
    async (context) => {
      const { key } = context.req.valid('param');
      const environment = environmentOf(context);
      const { totals, paths } = await parts.differences.differencesOf(key, environment);
      if (totals.since === null && !Object.hasOwn(parts.flags.document(environment).flags, key)) {
        throw new TheseusError('not-found', `There is no flag '${key}' in environment '${environment}'`);
      }
      const groups = paths.map(({ samples, ...path }) => ({ ...path, samples: [...samples] }));
      return context.json({ flag: key, environment, totals, paths: groups }, 200);
    },
  );
}
