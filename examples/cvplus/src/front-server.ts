import http from 'node:http';
import type { Answers } from './adapters/adapters.ts';
import { readBody, sendJson } from './http-listening.ts';
import { SERVICE_NAMES } from './services/service-catalog.ts';

export interface FrontOptions {
  readonly answers: Answers;
  /** The version of the flags it has. */
  readonly flagsVersion: () => number;
  /** What a backup saves and a rollback restores. */
  readonly state: { readonly save: () => unknown; readonly restore: (value: unknown) => unknown };
  /** Rejects while a store does not answer. */
  readonly askStores: () => Promise<void>;
  readonly report: () => Promise<unknown>;
  /** Makes the next action fail at its last write. */
  readonly failNextAction: () => void;
}

const BODY_LIMIT_BYTES = 1024 * 1024;

/**
 * The page users see: `GET /page?user=` asks all seven services at once, each on the arm Theseus says, and answers 200,
 * or 502 when one of them could be reached on neither arm.
 *
 * For operators: `GET /health` and `GET /stores` say whether it and its stores live, `GET` and `PUT /state` save and restore
 * the adapters' breakers, `GET /features` says what the adapters have done, and `POST /fault` makes the next action fail.
 */
export function createFrontServer(options: FrontOptions): http.Server {
  return http.createServer((request, response) => {
    handle(options, request, response).catch((error: unknown) => {
      if (response.headersSent) return void response.destroy();
      sendJson(response, 500, { error: error instanceof Error ? error.message : 'not understood' });
    });
  });
}

async function handle(
  options: FrontOptions,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://front');
  const user = url.searchParams.get('user');
  switch (`${request.method} ${url.pathname}`) {
    case 'GET /page':
      if (user) return answerPage(options, user, response);
      break;
    case 'GET /health':
      return sendJson(response, 200, { status: 'ok', flags: options.flagsVersion() });
    case 'GET /stores':
      await options.askStores();
      return sendJson(response, 200, { status: 'ok' });
    case 'GET /state':
      return sendJson(response, 200, options.state.save());
    case 'PUT /state': {
      const state: unknown = JSON.parse(await readBody(request, BODY_LIMIT_BYTES));
      return sendJson(response, 200, { restored: options.state.restore(state) });
    }
    case 'GET /features':
      return sendJson(response, 200, await options.report());
    case 'POST /fault':
      options.failNextAction();
      return sendJson(response, 200, {});
  }
  sendJson(response, 404, { error: 'ask for /page?user=' });
}

async function answerPage({ answers }: FrontOptions, user: string, response: http.ServerResponse): Promise<void> {
  const parts = await Promise.allSettled(SERVICE_NAMES.map((service) => answers[service](user)));
  const failed = SERVICE_NAMES.flatMap((service, index) => {
    const part = parts[index];
    return part?.status === 'rejected' ? [`${service}: ${String(part.reason)}`] : [];
  });
  if (failed.length > 0) return sendJson(response, 502, { user, failed });
  const page = parts.map((part, index) => ({
    service: SERVICE_NAMES[index],
    ...(part.status === 'fulfilled' ? (part.value as object) : {}),
  }));
  sendJson(response, 200, { user, parts: page });
}
