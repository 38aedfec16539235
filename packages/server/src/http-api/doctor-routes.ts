import { createRoute, z } from '@hono/zod-openapi';
import { CHECKS } from '../ports/doctor.ts';
import type { HttpApi, HttpApiParts } from './http-api-parts.ts';
import { json, refused } from './system-routes.ts';

const FindingSchema = z
  .object({
    check: z.enum(CHECKS),
    status: z.enum(['ok', 'warn', 'fail']),
    found: z.string(),
    mend: z.string().nullable().openapi({ description: 'What to do, where it is not well' }),
  })
  .openapi('Finding');

/** Whether everything that runs depend on is well. */
export function addDoctorRoutes(api: HttpApi, parts: HttpApiParts): void {
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/doctor',
      summary: 'Examine database, clocks, machines, leases, jobs, sources and channels',
      request: {
        query: z.object({
          only: z.enum(CHECKS).optional().openapi({ description: 'One check; all of them when left out' }),
        }),
      },
      responses: {
        200: json(z.object({ time: z.number(), findings: z.array(FindingSchema) }), 'What was found, well or not'),
        400: refused,
      },
    }),
    async (context) => {
      const { only } = context.req.valid('query');
      const findings = await parts.doctor.examine(only === undefined ? CHECKS : [only]);
      return context.json({ time: parts.now(), findings: [...findings] }, 200);
    },
  );
}
