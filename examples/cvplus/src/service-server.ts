import http from 'node:http';
import type { Arm } from '@theseus/core/flag';
import { readBody, sendJson } from './http-listening.ts';
import type { Random } from './seeded-random.ts';
import { SERVICES, type ServerName } from './services/service-catalog.ts';

export interface ServiceOptions {
  readonly service: ServerName;
  readonly arm: Arm;
  readonly random: Random;
  /** Calls back after so many milliseconds; tests bring a clock of their own. */
  readonly delay?: (callback: () => void, ms: number) => void;
}

const SHORTEST_WORK_MS = 8;
const WORK_SPREAD_MS = 7;
const BODY_LIMIT_BYTES = 64 * 1024;

/**
 * One of the services that are programs of their own, on one arm, over HTTP.
 *
 * `GET /work?user=` answers for a user, of a workflow that stands `&after=` a stage, `GET /health` says it lives, `GET` and `PUT /state` save and restore what it
 * keeps, and `POST /fault {"share": 0.4}` makes that share of its requests fail from now on.
 */
export function createServiceServer(options: ServiceOptions): http.Server {
  const { service, arm, random } = options;
  const delay = options.delay ?? ((callback, ms) => void setTimeout(callback, ms));
  const behaviour = SERVICES[service](arm);
  let faultShare = 0;

  const work = (query: URLSearchParams, response: http.ServerResponse): void => {
    const user = query.get('user');
    if (user === null || user === '') return sendJson(response, 400, { error: 'say which user' });
    // The time a database or a model would take; waiting costs no processor.
    delay(
      () => {
        if (random() < faultShare) return sendJson(response, 500, { error: `${service} failed` });
        sendJson(response, 200, { service, ...behaviour.answer(user, query.get('after') ?? '') });
      },
      SHORTEST_WORK_MS + random() * WORK_SPREAD_MS,
    );
  };

  const setFault = async (request: http.IncomingMessage, response: http.ServerResponse): Promise<void> => {
    const { share } = JSON.parse(await readBody(request, BODY_LIMIT_BYTES)) as { readonly share?: unknown };
    if (typeof share !== 'number' || !(share >= 0 && share <= 1)) {
      return sendJson(response, 400, { error: 'share is a number from 0 to 1' });
    }
    faultShare = share;
    sendJson(response, 200, { share });
  };

  const restore = async (request: http.IncomingMessage, response: http.ServerResponse): Promise<void> => {
    const restored = behaviour.state?.restore(JSON.parse(await readBody(request, BODY_LIMIT_BYTES))) ?? false;
    sendJson(response, restored ? 200 : 422, { restored });
  };

  const handle = async (request: http.IncomingMessage, response: http.ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://service');
    const route = `${request.method} ${url.pathname}`;
    response.setHeader('x-arm', arm);
    if (route === 'GET /work') return work(url.searchParams, response);
    if (route === 'GET /health') return sendJson(response, 200, { status: 'ok', service, arm });
    if (route === 'POST /fault') return setFault(request, response);
    if (route === 'GET /state' && behaviour.state) return sendJson(response, 200, behaviour.state.save());
    if (route === 'PUT /state' && behaviour.state) return restore(request, response);
    return sendJson(response, 404, { error: `${service} knows no ${route}` });
  };

  return http.createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      if (response.headersSent) return void response.destroy();
      sendJson(response, 400, { error: error instanceof Error ? error.message : 'not understood' });
    });
  });
}
