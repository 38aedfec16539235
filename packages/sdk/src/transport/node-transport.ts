import http from 'node:http';
import https from 'node:https';
import type { Transport, TransportRequest, TransportResponse } from './transport.ts';

/** The stream, one fetch and one telemetry batch at a time, and one to spare. */
const SOCKETS = 4;

/**
 * HTTP over Node's own client. Chosen over the global `fetch` because its sockets can be unreferenced, so that a short script ends although
 * the stream is open, and because a chunk of the stream reaches the parser with fewer turns in between.
 */
export class NodeTransport implements Transport {
  readonly #base: URL;
  readonly #client: typeof http | typeof https;
  readonly #agent: http.Agent;

  constructor(base: URL) {
    this.#base = base;
    const secure = base.protocol === 'https:';
    this.#client = secure ? https : http;
    this.#agent = secure
      ? new https.Agent({ keepAlive: true, maxSockets: SOCKETS })
      : new http.Agent({ keepAlive: true, maxSockets: SOCKETS });
  }

  send(request: TransportRequest): Promise<TransportResponse> {
    return new Promise((resolve, reject) => {
      const { method, headers, body, signal } = request;
      const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
      const outgoing = this.#client.request(new URL(request.path, this.#base), {
        method,
        headers: { ...headers, ...length },
        agent: this.#agent,
        signal,
      });
      outgoing.on('socket', (socket) => {
        socket.unref();
        // Events are small and each matters at once.
        socket.setNoDelay(true);
      });
      let isAnswered = false;
      outgoing.on('error', (error: NodeJS.ErrnoException) => {
        // The server had given up the idle connection just before it was used again. All our requests may be repeated, and
        // each repetition uses up one connection of the few, so this ends. Once there is an answer, its reader gets the error.
        if (!isAnswered && outgoing.reusedSocket && error.code === 'ECONNRESET') resolve(this.send(request));
        else reject(error);
      });
      outgoing.on('response', (response) => {
        isAnswered = true;
        resolve(responseOf(response));
      });
      outgoing.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

function responseOf(response: http.IncomingMessage): TransportResponse {
  // Whoever reads the body gets its errors from reading; one that nobody reads must not end the process.
  response.on('error', () => undefined);
  return {
    status: response.statusCode ?? 0,
    header: (name) => {
      const value = response.headers[name];
      return Array.isArray(value) ? value[0] : value;
    },
    body: response,
  };
}
