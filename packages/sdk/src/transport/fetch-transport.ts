import type { Transport, TransportRequest, TransportResponse } from './transport.ts';

/** HTTP over a `fetch` that the program brings, for proxies and instrumentation of its own. */
export class FetchTransport implements Transport {
  readonly #base: URL;
  readonly #fetch: typeof globalThis.fetch;

  constructor(base: URL, fetch: typeof globalThis.fetch) {
    this.#base = base;
    this.#fetch = fetch;
  }

  async send(request: TransportRequest): Promise<TransportResponse> {
    const { method, headers, body, signal } = request;
    const response = await this.#fetch(new URL(request.path, this.#base), {
      method,
      headers,
      signal,
      redirect: 'manual',
      ...(body === undefined ? {} : { body }),
    });
    return {
      status: response.status,
      header: (name) => response.headers.get(name) ?? undefined,
      body: response.body === null ? nothing() : (response.body as unknown as AsyncIterable<Uint8Array>),
    };
  }

  close(): void {
    // Its connections belong to whoever brought the fetch.
  }
}

async function* nothing(): AsyncIterable<Uint8Array> {
  // A response without a body.
}
