import { TheseusError } from '@theseus/core/error';

export type SseHandler = (event: string, data: string) => void;

const LINE_END = /\r\n|\r|\n/g;

/** Reads server-sent events from chunks that may be cut anywhere, within a bound of memory. */
export class SseParser {
  readonly #onEvent: SseHandler;
  readonly #limitChars: number;
  readonly #decoder = new TextDecoder();
  /** Pieces of a line whose end has not come: kept apart, because joining at each chunk costs the square of the length. */
  #pieces: string[] = [];
  #held = 0;
  #endedWithReturn = false;
  #event = '';
  #data: string[] = [];

  constructor(onEvent: SseHandler, limitChars: number) {
    this.#onEvent = onEvent;
    this.#limitChars = limitChars;
  }

  /**
   * Takes the next chunk and hands over each event that is complete.
   *
   * @throws TheseusError `limit-exceeded` when an event grows beyond the limit; and whatever the handler throws.
   */
  push(chunk: Uint8Array): void {
    let text = this.#decoder.decode(chunk, { stream: true });
    if (text === '') return;
    if (this.#endedWithReturn && text.startsWith('\n')) text = text.slice(1);
    this.#endedWithReturn = text.endsWith('\r');
    let start = 0;
    for (const end of text.matchAll(LINE_END)) {
      this.#endLine(text.slice(start, end.index));
      start = end.index + end[0].length;
    }
    if (start < text.length) this.#hold(text.slice(start), this.#pieces);
  }

  #endLine(rest: string): void {
    const pieces = this.#pieces;
    if (pieces.length > 0) {
      for (const piece of pieces) this.#held -= piece.length;
      this.#pieces = [];
    }
    const line = pieces.length > 0 ? pieces.join('') + rest : rest;
    if (line === '') this.#dispatch();
    else this.#field(line);
  }

  #field(line: string): void {
    const colon = line.indexOf(':');
    if (colon === 0) return;
    const field = colon === -1 ? line : line.slice(0, colon);
    const from = line.charCodeAt(colon + 1) === 0x20 ? colon + 2 : colon + 1;
    const value = colon === -1 ? '' : line.slice(from);
    if (field === 'data') this.#hold(value, this.#data);
    else if (field === 'event') this.#event = value;
  }

  #dispatch(): void {
    const event = this.#event === '' ? 'message' : this.#event;
    const data = this.#data;
    this.#event = '';
    this.#data = [];
    if (data.length === 0) return;
    for (const line of data) this.#held -= line.length + 1;
    this.#onEvent(event, data.length === 1 ? (data[0] as string) : data.join('\n'));
  }

  #hold(text: string, where: string[]): void {
    // An empty line of data counts too: millions of them would fill the memory as well.
    this.#held += where === this.#data ? text.length + 1 : text.length;
    if (this.#held > this.#limitChars) {
      throw new TheseusError('limit-exceeded', `Cannot read an event of more than ${this.#limitChars} characters`);
    }
    where.push(text);
  }
}
