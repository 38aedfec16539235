import type { Server } from 'node:http';
import { serve } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { TheseusError } from '@theseus/core/error';
import type { HttpApi } from './http-api-parts.ts';

export interface Listening {
  readonly url: string;
  /** Takes no more requests, and within a moment ends what is under way, open streams included. */
  close(): Promise<void>;
}

const LONGEST_HEADERS_MS = 10_000;
const LONGEST_REQUEST_MS = 30_000;
const KEEP_ALIVE_MS = 65_000;
const GRACE_MS = 1_000;

export function listen(api: HttpApi, options: { readonly host: string; readonly port: number }): Promise<Listening> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch: answering(api), hostname: options.host, port: options.port }, ({ port }) => {
      server.off('error', failed);
      const host = options.host.includes(':') ? `[${options.host}]` : options.host;
      resolve({ url: `http://${host}:${port}`, close: () => closeServer(server) });
    }) as Server;
    server.headersTimeout = LONGEST_HEADERS_MS;
    server.requestTimeout = LONGEST_REQUEST_MS;
    server.keepAliveTimeout = KEEP_ALIVE_MS;
    const failed = (error: NodeJS.ErrnoException): void => reject(cannotListen(options, error));
    server.once('error', failed);
  });
}

/** For the head alone, Hono makes another answer of each: that of a stream, which is sent already, would be sent again. */
function answering(api: HttpApi): HttpApi['fetch'] {
  return async (request, ...more) => {
    const answer = await api.fetch(request, ...more);
    return request.method === 'HEAD' && answer.headers.has('x-hono-already-sent') ? RESPONSE_ALREADY_SENT : answer;
  };
}

function cannotListen(
  { host, port }: { readonly host: string; readonly port: number },
  error: NodeJS.ErrnoException,
): TheseusError {
  const place = `${host}:${port}`;
  const why =
    error.code === 'EADDRINUSE'
      ? `another program listens on ${place} already: stop it, or choose another port with --port (0 takes any free one)`
      : `cannot listen on ${place}: ${error.message}`;
  return new TheseusError('unreachable', `The server could not start, ${why}`, { cause: error });
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), GRACE_MS);
  await closed;
  clearTimeout(timer);
}
