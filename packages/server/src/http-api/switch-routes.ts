import { createRoute } from '@hono/zod-openapi';
import type { Actor } from '@theseus/core/rollout';
import type { HttpApi, HttpApiParts } from './http-api-parts.ts';
import { SwitchSchema, SystemStateSchema } from './schemas.ts';
import { json, limit, refused } from './system-routes.ts';

const BODY_BYTES = 16 * 1024;

/** The whole system paused and resumed with one call [CO-15]. */
export function addSwitchRoutes(api: HttpApi, parts: HttpApiParts): void {
  const body = { content: { 'application/json': { schema: SwitchSchema } }, required: true };
  const state = json(SystemStateSchema, 'How the system stands now');
  for (const path of ['/api/v1/pause', '/api/v1/resume'] as const) {
    api.use(path, limit(BODY_BYTES));
    const isPause = path === '/api/v1/pause';
    const summary = isPause
      ? 'Pause every run at once: nothing ramps, runs or sends; judging and rollback work'
      : 'Let every run go on that only the whole system paused';
    api.openapi(
      createRoute({ method: 'post', path, summary, request: { body }, responses: { 200: state, 400: refused } }),
      async (context) => {
        const { reason, person } = context.req.valid('json');
        const actor: Actor = { kind: 'person', name: person ?? context.get('holder').name };
        const turned = await (isPause ? parts.system.pause(actor, reason) : parts.system.resume(actor, reason));
        return context.json({ ...turned, runs: [...turned.runs] }, 200);
      },
    );
  }
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/pause',
      summary: 'Whether the system is paused',
      responses: { 200: state },
    }),
    async (context) => {
      const now = await parts.system.state();
      return context.json({ ...now, runs: [...now.runs] }, 200);
    },
  );
}
