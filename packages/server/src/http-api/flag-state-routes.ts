import { createRoute, z } from '@hono/zod-openapi';
import { TheseusError } from '@theseus/core/error';
import { LIFECYCLE_STATES } from '@theseus/core/flag';
import type { FlagOverview } from '../ports/flag-directory.ts';
import { environmentFilter, environmentFilterRequest, environmentOf, environmentRequest } from './environment.ts';
import type { HttpApi, HttpApiParts } from './http-api-parts.ts';
import { json, refused } from './system-routes.ts';

const FlagOverviewSchema = z
  .object({
    key: z.string(),
    environment: z.string(),
    version: z.number().openapi({ description: 'The version at which the flag last changed' }),
    definition: z.looseObject({ key: z.string(), exposure: z.number() }),
    lifecycle: z.enum(LIFECYCLE_STATES),
    history: z.object({ exposureChangedAt: z.number().nullable(), isRetiring: z.boolean() }),
    fullSince: z.number().nullable().openapi({ description: 'Since when it has been at 100 %, epoch milliseconds' }),
    run: z.object({ runId: z.string(), plan: z.string(), status: z.string(), outcome: z.string().nullable() }),
    isPlanned: z.boolean().openapi({ description: 'Whether the newest run of its plan still has it' }),
    requiredBy: z.array(z.string()),
    instances: z
      .object({ live: z.number(), serving: z.number() })
      .openapi({ description: 'Live SDK instances of the environment, and those that serve the flag as it stands' }),
  })
  .openapi('FlagOverview');

/** Flags as people look at them: how far each has come, whose it is, who serves it. */
export function addFlagStateRoutes(api: HttpApi, parts: HttpApiParts): void {
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/flags/states',
      summary: 'Every flag with its lifecycle, run and instances, of one environment where it is named',
      request: environmentFilterRequest,
      responses: { 200: json(z.object({ flags: z.array(FlagOverviewSchema) }), 'By environment and key') },
    }),
    async (context) => {
      const flags = await parts.flagDirectory.overview(environmentFilter(context));
      return context.json({ flags: flags.map(written) }, 200);
    },
  );
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/flags/{key}/state',
      summary: 'One flag with its lifecycle, run and instances',
      request: { ...environmentRequest, params: z.object({ key: z.string().min(1).max(300) }) },
      responses: { 200: json(FlagOverviewSchema, 'The flag'), 404: refused },
    }),
    async (context) => {
      const { key } = context.req.valid('param');
      const environment = environmentOf(context);
      const flags = await parts.flagDirectory.overview({ environment });
      const flag = flags.find((known) => known.key === key);
      if (flag !== undefined) return context.json(written(flag), 200);
      throw new TheseusError('not-found', `There is no flag '${key}' in environment '${environment}'`);
    },
  );
}

/** The same, as the schema of the answer types it. */
function written(flag: FlagOverview): z.output<typeof FlagOverviewSchema> {
  return { ...flag, definition: { ...flag.definition }, requiredBy: [...flag.requiredBy] };
}
