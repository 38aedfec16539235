import http from 'node:http';

const BODY_LIMIT_BYTES = 256 * 1024;

export interface ServiceClientOptions {
  readonly timeoutMs: number;
  readonly maxSockets: number;
}

/** What a service answered. */
export interface ServiceAnswer {
  readonly status: number;
  readonly body: string;
}

/** Calls services over connections that stay open. */
export class ServiceClient {
  readonly #agent: http.Agent;
  readonly #timeoutMs: number;

  constructor({ timeoutMs, maxSockets }: ServiceClientOptions) {
    this.#agent = new http.Agent({ keepAlive: true, maxSockets, maxFreeSockets: maxSockets, scheduling: 'lifo' });
    this.#timeoutMs = timeoutMs;
  }

  /** Resolves to any answer, whatever its status; rejects when there is none in time. */
  async get(url: string): Promise<ServiceAnswer> {
    try {
      return await this.#once(url);
    } catch (error) {
      // A connection that was closed while idle says nothing about the service: ask again on a fresh one.
      if (error instanceof IdleSocketError) return this.#once(url);
      throw error;
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #once(url: string): Promise<ServiceAnswer> {
    return new Promise((resolve, reject) => {
      const request = http.get(url, { agent: this.#agent, timeout: this.#timeoutMs });
      request.on('timeout', () => request.destroy(new Error(`no answer within ${this.#timeoutMs} ms`)));
      request.on('error', (error: NodeJS.ErrnoException) => {
        const wasIdle = request.reusedSocket && error.code === 'ECONNRESET';
        reject(wasIdle ? new IdleSocketError(error.message) : error);
      });
      request.on('response', (response) => void collect(response).then(resolve, reject));
    });
  }
}

class IdleSocketError extends Error {}

async function collect(response: http.IncomingMessage): Promise<ServiceAnswer> {
  let body = '';
  response.setEncoding('utf8');
  for await (const chunk of response as AsyncIterable<string>) {
    body += chunk;
    if (body.length > BODY_LIMIT_BYTES) throw new Error('the answer is too long');
  }
  return { status: response.statusCode ?? 0, body };
}
