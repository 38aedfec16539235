import { randomInt } from 'node:crypto';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { createRoute, z } from '@hono/zod-openapi';
import { TheseusError } from '@theseus/core/error';
import type { Context } from 'hono';
import { environmentOf, environmentRequest } from './environment.ts';
import { formatEvent } from './event-stream.ts';
import type { ApiEnvironment, HttpApi, HttpApiParts } from './http-api-parts.ts';
import type { OpenStreams } from './open-streams.ts';
import { OfrepErrorSchema } from './schemas.ts';
import { streamTicket, ticketHolder } from './stream-ticket.ts';
import { json } from './system-routes.ts';

const PATH = '/ofrep/v1/event-stream';
/** A page that nobody has looked at for so long lets its stream go. */
const INACTIVITY_S = 120;
/** Browsers come back after something in between, so that a server that returns does not meet them all at once. */
const RETRY_MS = [1_000, 5_000] as const;

/** The entry of `eventStreams` by which a provider hears of changes; relative to where the provider found this server. */
export function eventStreams(context: Context<ApiEnvironment>, environment: string, now: number) {
  const query = new URLSearchParams({ environment, ticket: streamTicket(context.get('holder'), environment, now) });
  return [{ type: 'sse', endpoint: { requestUri: `${PATH}?${query}` }, inactivityDelaySec: INACTIVITY_S }] as const;
}

/**
 * The stream that OFREP's providers listen to: it says only that they should ask again, with the version that is then
 * to be had. It says so at once to whoever connects without having seen the newest: what changed before may have been missed.
 */
export function addOfrepStream(api: HttpApi, parts: HttpApiParts, streams: OpenStreams): void {
  api.openapi(
    createRoute({
      method: 'get',
      path: PATH,
      summary: 'OFREP: hear that flags changed, at an address that bulk evaluation gives',
      security: [],
      request: environmentRequest,
      responses: {
        200: { description: 'Events of OFREP', content: { 'text/event-stream': { schema: z.string() } } },
        401: json(OfrepErrorSchema, 'The ticket in the address is void: ask for another by bulk evaluation'),
      },
    }),
    async (context) => {
      const environment = environmentOf(context);
      const ticket = context.req.query('ticket') ?? '';
      const holder = await ticketHolder(parts.tokens, ticket, environment, parts.now());
      if (holder === null) {
        throw new TheseusError('unauthorized', 'The ticket in the address is void: ask for another by bulk evaluation');
      }
      let unsubscribe = (): void => undefined;
      const stream = streams.open(context, holder.name, () => unsubscribe());
      const tell = (version: number): void => {
        const data = { type: 'refetchEvaluation', etag: `"v${version}"` };
        stream.send(formatEvent('message', data, version));
      };
      unsubscribe = parts.flags.onChange(({ version }, _patch, changed) => {
        if (changed === environment) tell(version);
      });
      stream.send(Buffer.from(`retry: ${randomInt(...RETRY_MS)}\n\n`));
      const { version } = parts.flags.document(environment);
      if (context.req.header('last-event-id') !== String(version)) tell(version);
      return RESPONSE_ALREADY_SENT as never;
    },
  );
}

/**
 * Which version the event named that made a provider ask. A server that has not heard of it yet looks first: of several
 * behind one address, any may have sent the event.
 */
export async function catchUpWithEvent(context: Context, parts: HttpApiParts, environment: string): Promise<void> {
  const named = /^"?v(\d{1,15})"?$/.exec(context.req.query('flagConfigEtag') ?? '')?.[1];
  if (named === undefined || Number(named) <= parts.flags.document(environment).version) return;
  await parts.flags.refresh();
}
