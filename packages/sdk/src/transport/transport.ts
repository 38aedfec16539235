/** One request to the server. `path` is relative to the server's address. */
export interface TransportRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Ends the request at whatever point it is, its body included. */
  readonly signal: AbortSignal;
}

/** The head of an answer, and its body as it arrives. */
export interface TransportResponse {
  readonly status: number;
  /** A header by its lower-case name; undefined where it is absent. */
  header(name: string): string | undefined;
  readonly body: AsyncIterable<Uint8Array>;
}

/** How the SDK speaks HTTP. Rejects when no answer came; any answer, whatever its status, resolves. */
export interface Transport {
  send(request: TransportRequest): Promise<TransportResponse>;
  /** Gives up all connections. */
  close(): void;
}
