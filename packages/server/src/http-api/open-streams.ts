import { TheseusError } from '@theseus/core/error';
import type { Context } from 'hono';
import { API_LIMITS, type ApiSettings } from './api-settings.ts';
import { corsHeadersOf } from './cors.ts';
import { type EventStream, openEventStream } from './event-stream.ts';
import type { ApiEnvironment } from './http-api-parts.ts';

/** Every stream that is open here, so that neither all of them nor those of one token use up what a process has. */
export class OpenStreams {
  readonly #maxStreams: number;
  readonly #maxPerToken: number;
  readonly #byToken = new Map<string, number>();
  #open = 0;

  constructor({ maxStreams, maxStreamsPerToken }: ApiSettings = {}) {
    this.#maxStreams = maxStreams ?? API_LIMITS.maxStreams;
    this.#maxPerToken = maxStreamsPerToken ?? API_LIMITS.maxStreamsPerToken;
  }

  /**
   * Turns the response into a stream of events. `onClose` is called once, however it ends.
   *
   * @param holder the name of the token's bearer, as {@link TokenHolder} has it
   * @throws TheseusError `overloaded` when there are too many, `too-many-requests` when they are all the token's
   */
  open(context: Context<ApiEnvironment>, holder: string, onClose: () => void): EventStream {
    const own = this.#byToken.get(holder) ?? 0;
    if (own >= this.#maxPerToken) {
      throw new TheseusError(
        'too-many-requests',
        `The token '${holder}' has ${own} streams open here, and may have no more: close some, or poll with an ETag`,
      );
    }
    if (this.#open >= this.#maxStreams) {
      throw new TheseusError(
        'overloaded',
        `This server has ${this.#open} streams open and takes no more: try another one, or poll with an ETag`,
      );
    }
    this.#open += 1;
    this.#byToken.set(holder, own + 1);
    const outgoing = context.env.outgoing as Parameters<typeof openEventStream>[0];
    return openEventStream(
      outgoing,
      () => {
        this.#closed(holder);
        onClose();
      },
      corsHeadersOf(context),
    );
  }

  #closed(holder: string): void {
    this.#open -= 1;
    const left = (this.#byToken.get(holder) ?? 1) - 1;
    if (left > 0) this.#byToken.set(holder, left);
    else this.#byToken.delete(holder);
  }
}
