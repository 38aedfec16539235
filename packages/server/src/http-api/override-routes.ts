import { createRoute, z } from '@hono/zod-openapi';
import { environmentOf, environmentRequest } from './environment.ts';
import type { HttpApi, HttpApiParts } from './http-api-parts.ts';
import { listed, shown } from './run-answers.ts';
import { OverrideListSchema, OverrideSchema, RecordedEventSchema, RunViewSchema } from './schemas.ts';
import { json, limit, refused } from './system-routes.ts';

/** Ten thousand subjects with the longest of keys. */
const BODY_BYTES = 4 * 1024 * 1024;

/** Subjects of a flag who are let in or kept out one by one. */
export function addOverrideRoutes(api: HttpApi, parts: HttpApiParts): void {
  const path = '/api/v1/flags/{key}/overrides';
  const params = z.object({ key: z.string().min(1).max(300) });
  api.use('/api/v1/flags/:key/overrides', limit(BODY_BYTES));
  api.openapi(
    createRoute({
      method: 'get',
      path,
      summary: 'Subjects of a flag about whom people have decided',
      request: { ...environmentRequest, params },
      responses: { 200: json(OverrideListSchema, 'Who, which arm, and by whom, why and when'), 404: refused },
    }),
    async (context) => {
      const { key } = context.req.valid('param');
      const { runId, overrides } = await parts.overrides.list({ flag: key, environment: environmentOf(context) });
      return context.json({ runId, overrides: [...overrides] }, 200);
    },
  );
  api.openapi(
    createRoute({
      method: 'post',
      path,
      summary: 'Let subjects in, keep them on legacy, or leave them to the plan again',
      request: {
        ...environmentRequest,
        params,
        body: { content: { 'application/json': { schema: OverrideSchema } }, required: true },
      },
      responses: {
        200: json(z.object({ run: RunViewSchema, events: z.array(RecordedEventSchema) }), 'Done; what it led to'),
        404: refused,
        409: refused,
      },
    }),
    async (context) => {
      const { subjects, to, asCohort, reason, person, commandId } = context.req.valid('json');
      const { run, events } = await parts.overrides.change({
        flag: context.req.valid('param').key,
        environment: environmentOf(context),
        subjects,
        to,
        asCohort: asCohort ?? false,
        actor: { kind: 'person', name: person ?? context.get('holder').name },
        reason,
        ...(commandId === undefined ? {} : { commandId }),
      });
      return context.json({ ...shown(run), events: listed(events) }, 200);
    },
  );
}
