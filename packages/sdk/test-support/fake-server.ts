import { EventEmitter } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { FlagDefinition, FlagDocument, FlagPatch } from '@theseus/core/flag';
import type { ArmTelemetry, TelemetryBatch } from '@theseus/core/health';

export const TOKEN = 'sdk-token';

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

/** What a server keeps in its database, so that it outlives a restart. */
export class FakeDatabase {
  document: FlagDocument = documentOf(1, []);
  readonly instances = new Map<string, TelemetryBatch>();
  readonly #sums = new Map<string, { requests: number; errors: number; fallbacks: number }>();

  /** Adds the growth of each counter, as the real receiver does. */
  take(batch: TelemetryBatch): void {
    const before = this.instances.get(batch.instance);
    if (before !== undefined && before.sequence >= batch.sequence) return;
    for (const [flag, arms] of Object.entries(batch.flags)) {
      for (const arm of ['legacy', 'candidate'] as const) this.#grow(flag, arm, arms[arm], before?.flags[flag]?.[arm]);
    }
    this.instances.set(batch.instance, { ...batch, flags: { ...before?.flags, ...batch.flags } });
  }

  sum(flag: string, arm: 'legacy' | 'candidate') {
    return this.#sums.get(`${flag} ${arm}`) ?? { requests: 0, errors: 0, fallbacks: 0 };
  }

  #grow(flag: string, arm: string, now: ArmTelemetry, before: ArmTelemetry | undefined): void {
    const sum = this.#sums.get(`${flag} ${arm}`) ?? { requests: 0, errors: 0, fallbacks: 0 };
    for (const name of ['requests', 'errors', 'fallbacks'] as const) {
      const growth = now[name] - (before?.[name] ?? 0);
      if (growth < 0) throw new Error(`${name} of ${flag} shrank`);
      sum[name] += growth;
    }
    this.#sums.set(`${flag} ${arm}`, sum);
  }
}

/** Speaks the protocol over a real socket, and can be told to speak it badly. */
export class FakeServer {
  readonly database: FakeDatabase;
  readonly events = new EventEmitter();
  readonly streams = new Set<ServerResponse>();
  readonly batches: TelemetryBatch[] = [];
  readonly requests: { method: string; url: string; status: () => number; headers: IncomingMessage['headers'] }[] = [];
  onStream: Handler = (_request, response) => this.openStream(response);
  onFlags: Handler = (request, response) => this.sendFlags(request, response);
  onTelemetry: Handler = (_request, response, body) => this.takeTelemetry(response, body);
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  #port = 0;

  constructor(database = new FakeDatabase()) {
    this.database = database;
    this.#server = createServer((request, response) => this.#serve(request, response));
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  async start(port = 0): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** As a killed process would: every connection is cut, nothing is finished. */
  async kill(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** The next time something happens: 'stream', 'flags', 'telemetry'. */
  next(event: 'stream' | 'flags' | 'telemetry'): Promise<unknown> {
    return new Promise((resolve) => this.events.once(event, resolve));
  }

  /** The next batch, or one that came already, for which the test is true. */
  batch(test: (batch: TelemetryBatch) => boolean): Promise<TelemetryBatch> {
    const known = this.batches.find(test);
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve) => {
      const look = (batch: TelemetryBatch) => {
        if (!test(batch)) return;
        this.events.off('telemetry', look);
        resolve(batch);
      };
      this.events.on('telemetry', look);
    });
  }

  openStream(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    this.streams.add(response);
    response.on('close', () => this.streams.delete(response));
    response.write(eventText('put', this.database.document));
  }

  sendFlags(request: IncomingMessage, response: ServerResponse): void {
    const etag = `"v${this.database.document.version}"`;
    if (request.headers['if-none-match'] === etag) return void response.writeHead(304, { etag }).end();
    response.writeHead(200, { etag, 'content-type': 'application/json' }).end(JSON.stringify(this.database.document));
  }

  takeTelemetry(response: ServerResponse, body: string): void {
    const batch = JSON.parse(body) as TelemetryBatch;
    this.database.take(batch);
    this.batches.push(batch);
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ version: this.database.document.version }));
    this.events.emit('telemetry', batch);
  }

  /** Changes a flag and tells every stream. */
  patch(flags: readonly FlagDefinition[], changes: Partial<FlagPatch> = {}): void {
    const { version, ...rest } = this.database.document;
    const changed = Object.fromEntries(flags.map((flag) => [flag.key, flag]));
    this.database.document = { ...rest, version: version + 1, flags: { ...rest.flags, ...changed } };
    const patch: FlagPatch = { from: version, version: version + 1, flags: changed, removed: [], ...changes };
    this.send(eventText('patch', patch));
  }

  send(text: string): void {
    for (const stream of this.streams) stream.write(text);
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => undefined);
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      this.requests.push({ method, url, headers, status: () => response.statusCode });
      if (headers.authorization !== `Bearer ${TOKEN}`) return void response.writeHead(401).end();
      const body = Buffer.concat(chunks).toString('utf8');
      const path = url.split('?')[0];
      if (path === '/api/v1/flags/stream') {
        this.onStream(request, response, body);
        this.events.emit('stream', response);
      } else if (path === '/api/v1/flags') {
        this.onFlags(request, response, body);
        this.events.emit('flags');
      } else if (path === '/api/v1/telemetry' && method === 'POST') {
        this.onTelemetry(request, response, body);
      } else {
        response.writeHead(404).end();
      }
    });
  }
}

export function eventText(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`;
}

export function flagOf(key: string, changes: Partial<FlagDefinition> = {}): FlagDefinition {
  return {
    key,
    enabled: true,
    cohort: 'userId',
    salt: 'cvplus-2026a',
    exposure: 100_000,
    requires: [],
    overrides: { candidate: [], legacy: [] },
    rules: [],
    fallback: true,
    ...changes,
  };
}

export function documentOf(
  version: number,
  flags: readonly FlagDefinition[],
  changes: Partial<FlagDocument> = {},
): FlagDocument {
  return {
    version,
    flags: Object.fromEntries(flags.map((flag) => [flag.key, flag])),
    segments: {},
    flushEveryMs: 5000,
    ...changes,
  };
}
