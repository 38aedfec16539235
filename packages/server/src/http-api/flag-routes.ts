import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { createRoute, z } from '@hono/zod-openapi';
import { type FlagDocument, sentDocument, sentPatch } from '@theseus/core/flag';
import { hasTagged } from './entity-tag.ts';
import { environmentOf, environmentRequest } from './environment.ts';
import { type EventStream, formatEvent } from './event-stream.ts';
import type { HttpApi, HttpApiParts } from './http-api-parts.ts';
import type { OpenStreams } from './open-streams.ts';
import { json } from './system-routes.ts';

/** So many clients are written to before others get their turn. */
const CLIENTS_AT_ONCE = 200;

/** The flags for SDKs: whole with an ETag, and as a stream. */
export function addFlagRoutes(api: HttpApi, parts: HttpApiParts, streams: OpenStreams): void {
  const body = remembered((document) => JSON.stringify(sentDocument(document)));
  const put = remembered((document) => formatEvent('put', sentDocument(document)));
  const clients = broadcaster(parts, put);
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/flags',
      summary: 'All flags of an environment, for local evaluation',
      request: environmentRequest,
      responses: {
        200: json(
          z.looseObject({ version: z.number() }).openapi('FlagDocument'),
          'The document; its ETag is its version',
        ),
        304: { description: 'Not changed' },
      },
    }),
    (context) => {
      const document = parts.flags.document(environmentOf(context));
      const etag = `"v${document.version}"`;
      context.header('etag', etag);
      context.header('cache-control', 'no-cache');
      context.header('vary', 'theseus-environment');
      if (hasTagged(context, etag)) return context.body(null, 304);
      context.header('content-type', 'application/json');
      return context.body(body(document), 200) as never;
    },
  );
  api.get('/api/v1/flags/stream', (context) => {
    const environment = environmentOf(context);
    const stream = streams.open(context, context.get('holder').name, () => clients.remove(environment, stream));
    stream.send(put(parts.flags.document(environment)));
    clients.add(environment, stream);
    return RESPONSE_ALREADY_SENT;
  });
}

/** Written once per version, however many ask. */
function remembered<Written>(write: (document: FlagDocument) => Written): (document: FlagDocument) => Written {
  const known = new WeakMap<FlagDocument, { readonly written: Written }>();
  return (document) => {
    const found = known.get(document) ?? { written: write(document) };
    known.set(document, found);
    return found.written;
  };
}

interface Clients {
  add(environment: string, client: EventStream): void;
  remove(environment: string, client: EventStream): void;
}

/** Writes each change to every client of its environment: one buffer for all, in slices. */
function broadcaster(parts: HttpApiParts, put: (document: FlagDocument) => Buffer): Clients {
  const byEnvironment = new Map<string, Set<EventStream>>();
  parts.flags.onChange((document, patch, environment) => {
    const clients = byEnvironment.get(environment);
    if (clients === undefined) return;
    const chunk = patch === null ? put(document) : formatEvent('patch', sentPatch(patch));
    const waiting = [...clients];
    const slice = (from: number): void => {
      for (const client of waiting.slice(from, from + CLIENTS_AT_ONCE)) client.send(chunk);
      if (from + CLIENTS_AT_ONCE < waiting.length) setImmediate(slice, from + CLIENTS_AT_ONCE);
    };
    slice(0);
  });
  return {
    add: (environment, client) => {
      const clients = byEnvironment.get(environment) ?? new Set();
      byEnvironment.set(environment, clients.add(client));
    },
    remove: (environment, client) => {
      const clients = byEnvironment.get(environment);
      clients?.delete(client);
      // Whoever may open a stream may name any environment: only those in use are kept.
      if (clients?.size === 0) byEnvironment.delete(environment);
    },
  };
}
