import http from 'node:http';
import { closeServer, listen, readBody, sendJson } from './http-listening.ts';

/** A message as the people it is for would see it. */
export interface ReceivedMessage {
  readonly text: string;
  /** It was delivered before, under the same key: shown once, counted here. */
  readonly duplicate: boolean;
}

export interface MessageCounts {
  readonly delivered: number;
  readonly duplicates: number;
}

const BODY_LIMIT_BYTES = 64 * 1024;
const KEYS_KEPT = 10_000;

/** A webhook that stands for the team's chat. The sender repeats when in doubt; the `Idempotency-Key` tells it is the same. */
export class MessageReceiver {
  readonly #server: http.Server;
  readonly #onMessage: (message: ReceivedMessage) => void;
  readonly #keys = new Set<string>();
  #delivered = 0;
  #duplicates = 0;

  constructor(onMessage: (message: ReceivedMessage) => void) {
    this.#onMessage = onMessage;
    this.#server = http.createServer((request, response) => {
      this.#receive(request, response).catch(() => sendJson(response, 400, { error: 'not understood' }));
    });
  }

  get counts(): MessageCounts {
    return { delivered: this.#delivered, duplicates: this.#duplicates };
  }

  /** Resolves to the webhook's URL. */
  async start(): Promise<string> {
    return `${await listen(this.#server)}/messages`;
  }

  stop(): Promise<void> {
    return closeServer(this.#server);
  }

  async #receive(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    if (request.method !== 'POST') return sendJson(response, 405, { error: 'POST a message' });
    const text = textOf(await readBody(request, BODY_LIMIT_BYTES));
    const key = request.headers['idempotency-key'];
    const duplicate = typeof key === 'string' && this.#keys.has(key);
    if (duplicate) this.#duplicates += 1;
    else this.#delivered += 1;
    if (typeof key === 'string' && this.#keys.size < KEYS_KEPT) this.#keys.add(key);
    sendJson(response, 200, { received: true, duplicate });
    this.#onMessage({ text, duplicate });
  }
}

/** Chat webhooks carry `{ "text": … }`; anything else is shown as it came. */
function textOf(body: string): string {
  try {
    const parsed = JSON.parse(body) as { readonly text?: unknown } | null;
    return typeof parsed?.text === 'string' ? parsed.text : body;
  } catch {
    return body;
  }
}
