import { createRoute, z } from '@hono/zod-openapi';
import type { HttpApi, HttpApiParts } from './http-api-parts.ts';
import { AlertmanagerSchema } from './schemas.ts';
import { json, limit, refused } from './system-routes.ts';

const BODY_BYTES = 1024 * 1024;

/** Alerts come in as Alertmanager's own webhook sends them. */
export function addAlertRoutes(api: HttpApi, parts: HttpApiParts): void {
  api.use('/api/v1/alerts', limit(BODY_BYTES));
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/alerts',
      summary: "Take in alerts from Alertmanager's webhook",
      request: { body: { content: { 'application/json': { schema: AlertmanagerSchema } }, required: true } },
      responses: { 200: json(z.object({ kept: z.number().int() }), 'Kept; how many'), 400: refused },
    }),
    async (context) => {
      const { alerts } = context.req.valid('json');
      await parts.alerts.hear(
        alerts.map(({ fingerprint, labels, status }) => ({
          fingerprint,
          name: labels['alertname'] ?? '',
          labels,
          isFiring: status === 'firing',
        })),
      );
      return context.json({ kept: alerts.length }, 200);
    },
  );
}
