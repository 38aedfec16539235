import http from 'node:http';
import type { TheseusClient } from '@theseus/sdk';
import { sendJson } from './http-listening.ts';
import type { ServiceClient } from './service-client.ts';
import { SERVICE_NAMES, type ServiceName } from './services/service-catalog.ts';

/** Where both arms of every service are. */
export type ServiceUrls = Readonly<Record<ServiceName, { readonly legacy: string; readonly candidate: string }>>;

export interface FrontOptions {
  readonly theseus: Pick<TheseusClient, 'route' | 'version'>;
  readonly services: ServiceUrls;
  readonly client: ServiceClient;
}

/**
 * The page users see: `GET /page?user=` asks all seven services at once, each on the arm Theseus says, and answers 200,
 * or 502 when one of them could be reached on neither arm.
 */
export function createFrontServer(options: FrontOptions): http.Server {
  return http.createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://front');
    if (url.pathname === '/health') return sendJson(response, 200, { status: 'ok', flags: options.theseus.version });
    const user = url.searchParams.get('user');
    if (url.pathname !== '/page' || !user) return sendJson(response, 404, { error: 'ask for /page?user=' });
    void answerPage(options, user, response);
  });
}

async function answerPage(options: FrontOptions, user: string, response: http.ServerResponse): Promise<void> {
  const parts = await Promise.allSettled(SERVICE_NAMES.map((service) => askService(options, service, user)));
  const failed = SERVICE_NAMES.filter((_, index) => parts[index]?.status === 'rejected');
  if (failed.length > 0) return sendJson(response, 502, { user, failed });
  const page = parts.map((part) => (part.status === 'fulfilled' ? part.value : null));
  sendJson(response, 200, { user, parts: page });
}

function askService({ theseus, services, client }: FrontOptions, service: ServiceName, user: string): Promise<unknown> {
  const ask = async (base: string): Promise<unknown> => {
    const { status, body } = await client.get(`${base}/work?user=${encodeURIComponent(user)}`);
    if (status !== 200) throw new Error(`${service} answered ${status}`);
    return JSON.parse(body) as unknown;
  };
  const { legacy, candidate } = services[service];
  return theseus.route(service, { userId: user }, { legacy: () => ask(legacy), candidate: () => ask(candidate) });
}
