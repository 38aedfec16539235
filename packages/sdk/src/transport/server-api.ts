import { TheseusError } from '@theseus/core/error';
import { DEFAULT_ENVIRONMENT, type FlagDocument, parseFlagDocument } from '@theseus/core/flag';
import { BusyError, isBusy, readRetryAfter } from './retry-after.ts';
import type { Transport, TransportRequest, TransportResponse } from './transport.ts';

/** Limits of one exchange with the server. */
export const REQUEST_TIMEOUT_MS = 5000;
export const DOCUMENT_LIMIT_BYTES = 64 * 1024 * 1024;
const ANSWER_LIMIT_BYTES = 64 * 1024;

export interface ServerApiOptions {
  readonly token: string;
  readonly instance: string;
  readonly service: string;
  readonly environment: string;
}

/** The three requests an SDK makes. Every method rejects with a TheseusError. */
export class ServerApi {
  readonly #transport: Transport;
  readonly #options: ServerApiOptions;

  constructor(transport: Transport, options: ServerApiOptions) {
    this.#transport = transport;
    this.#options = options;
  }

  /** The document, or undefined when it is still at `version`. */
  async fetchFlags(version: number): Promise<FlagDocument | undefined> {
    const headers: Record<string, string> = { accept: 'application/json' };
    if (version > 0) headers['if-none-match'] = `"v${version}"`;
    const { status, text, retryAfter } = await this.#exchange(
      { method: 'GET', path: `api/v1/flags${this.#query({})}`, headers },
      DOCUMENT_LIMIT_BYTES,
    );
    if (status === 304) return undefined;
    if (status !== 200) throw refusal('the flags', status, retryAfter);
    const parsed = parseFlagDocument(parseJson(text, 'the flags'));
    if (parsed.kind === 'invalid') {
      throw new TheseusError('corrupt-record', `Cannot use the flags the server sent: ${parsed.reason}`);
    }
    return parsed.document;
  }

  /** Delivers a telemetry batch; the server's own document version, or undefined where it does not say. */
  async postTelemetry(batch: string): Promise<number | undefined> {
    const headers = { 'content-type': 'application/json', accept: 'application/json' };
    const request = { method: 'POST', path: 'api/v1/telemetry', headers, body: batch } as const;
    const { status, text, retryAfter } = await this.#exchange(request, ANSWER_LIMIT_BYTES);
    if (status < 200 || status > 299) throw refusal('the telemetry', status, retryAfter);
    if (text === '') return undefined;
    const answer = parseJson(text, 'the answer to the telemetry');
    const version: unknown = (answer as { version?: unknown } | null)?.version;
    return typeof version === 'number' && Number.isSafeInteger(version) ? version : undefined;
  }

  /** Opens the stream; the caller reads its body and ends it by the signal. */
  async openStream(signal: AbortSignal): Promise<TransportResponse> {
    const { instance, service } = this.#options;
    const headers = { accept: 'text/event-stream', 'cache-control': 'no-store' };
    const request = {
      method: 'GET',
      path: `api/v1/flags/stream${this.#query({ instance, service })}`,
      headers,
    } as const;
    const response = await this.#send(request, signal);
    if (response.status !== 200) throw refusal('the stream of flags', response.status, response.header('retry-after'));
    const type = response.header('content-type') ?? '';
    if (!type.startsWith('text/event-stream')) {
      throw new TheseusError('unsupported', `Cannot read a stream of flags of type '${type}'`);
    }
    return response;
  }

  /** The environment stands in the address, where no cache and no proxy can lose it. */
  #query(fields: Readonly<Record<string, string>>): string {
    const { environment } = this.#options;
    const query = new URLSearchParams(environment === DEFAULT_ENVIRONMENT ? fields : { ...fields, environment });
    return query.size === 0 ? '' : `?${query}`;
  }

  async #exchange(
    request: Omit<TransportRequest, 'signal'>,
    limitBytes: number,
  ): Promise<{ readonly status: number; readonly text: string; readonly retryAfter: string | undefined }> {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(timedOut(request.path)), REQUEST_TIMEOUT_MS);
    timer.unref();
    try {
      const response = await this.#send(request, abort.signal);
      const text = await readText(response, limitBytes);
      return { status: response.status, text, retryAfter: response.header('retry-after') };
    } catch (error) {
      throw abort.signal.aborted ? abort.signal.reason : asUnreachable(error);
    } finally {
      clearTimeout(timer);
      abort.abort();
    }
  }

  #send(request: Omit<TransportRequest, 'signal'>, signal: AbortSignal): Promise<TransportResponse> {
    const headers = { ...request.headers, authorization: `Bearer ${this.#options.token}` };
    return this.#transport.send({ ...request, headers, signal });
  }
}

async function readText(response: TransportResponse, limitBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body) {
    length += chunk.byteLength;
    if (length > limitBytes) {
      throw new TheseusError('limit-exceeded', `Cannot read an answer of more than ${limitBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TheseusError('corrupt-record', `Cannot read ${what}: it is no JSON`, { cause });
  }
}

function refusal(what: string, status: number, retryAfter: string | undefined): TheseusError {
  if (isBusy(status)) return new BusyError(what, status, readRetryAfter(retryAfter, Date.now()));
  if (status === 401)
    return new TheseusError('unauthorized', `Cannot exchange ${what}: the server does not accept the token (401)`);
  if (status === 403)
    return new TheseusError('forbidden', `Cannot exchange ${what}: the token does not allow it (403)`);
  // It has a field too many for an older server.
  if (status === 400)
    return new TheseusError('unsupported', `Cannot exchange ${what}: the server does not understand it (400)`);
  return new TheseusError('invalid-state', `Cannot exchange ${what}: the server answered with status ${status}`);
}

function timedOut(path: string): TheseusError {
  return new TheseusError('timed-out', `Cannot wait longer than ${REQUEST_TIMEOUT_MS} ms for ${path}`);
}

/** Any failure of the network as the one error class. */
export function asUnreachable(error: unknown): TheseusError {
  if (error instanceof TheseusError) return error;
  const text = error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : String(error);
  return new TheseusError('unreachable', `Cannot reach the server: ${text}`, { cause: error });
}
