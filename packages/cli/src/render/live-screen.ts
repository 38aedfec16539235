import type { WriteStream } from 'node:tty';

const ESCAPE = '\u001b[';

/** Repaints only the lines that changed, so that a live view does not flicker. */
export class LiveScreen {
  readonly #stream: WriteStream;
  #shown: readonly string[] = [];

  constructor(stream: WriteStream) {
    this.#stream = stream;
    stream.write(`${ESCAPE}?25l`);
  }

  get width(): number {
    return Math.max(40, this.#stream.columns ?? 80);
  }

  /** Lines that can be shown; the last row is left to the cursor. */
  get height(): number {
    return Math.max(4, (this.#stream.rows ?? 24) - 1);
  }

  /** Forgets what is on the screen: after a resize nobody knows where the terminal has put it. */
  clear(): void {
    this.#shown = [];
    this.#stream.write(`${ESCAPE}H${ESCAPE}2J`);
  }

  show(lines: readonly string[]): void {
    const { height } = this;
    const fitting =
      lines.length <= height ? lines : [...lines.slice(0, height - 1), `… ${lines.length - height + 1} more lines`];
    let output = this.#shown.length === 0 ? '' : `${ESCAPE}${this.#shown.length}A\r`;
    for (let row = 0; row < Math.max(fitting.length, this.#shown.length); row += 1) {
      const line = fitting[row];
      if (line !== undefined && line === this.#shown[row]) output += `${ESCAPE}1B\r`;
      else if (line !== undefined) output += `${ESCAPE}2K${line}\r\n`;
      else output += `${ESCAPE}2K${ESCAPE}1B\r`;
    }
    const left = this.#shown.length - fitting.length;
    if (left > 0) output += `${ESCAPE}${left}A\r`;
    this.#stream.write(output);
    this.#shown = fitting;
  }

  close(): void {
    this.#stream.write(`${ESCAPE}?25h`);
  }
}
