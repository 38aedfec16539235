const LINE_LIMIT_BYTES = 64 * 1024;
const PARTS_LIMIT = 64;
const VALUE_LIMIT_BYTES = 256 * 1024;

/** Takes a command apart as bytes come in: RESP, what Redis and its clients speak. Commands are lists of byte strings. */
export class RespReader {
  #rest: Buffer = Buffer.alloc(0);

  /**
   * The commands that are whole by now.
   *
   * @throws Error when it is no RESP, or larger than anybody needs here; the connection cannot go on then
   */
  push(bytes: Buffer): readonly (readonly string[])[] {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const commands: (readonly string[])[] = [];
    for (;;) {
      const command = readCommand(this.#rest);
      if (command === null) return commands;
      this.#rest = this.#rest.subarray(command.length);
      commands.push(command.parts);
    }
  }
}

interface ReadCommand {
  readonly parts: readonly string[];
  readonly length: number;
}

function readCommand(bytes: Buffer): ReadCommand | null {
  const head = readCount(bytes, 0, '*', PARTS_LIMIT);
  if (head === null) return null;
  const parts: string[] = [];
  let at = head.end;
  for (let index = 0; index < head.count; index += 1) {
    const size = readCount(bytes, at, '$', VALUE_LIMIT_BYTES);
    if (size === null || bytes.length < size.end + size.count + 2) return null;
    parts.push(bytes.toString('utf8', size.end, size.end + size.count));
    at = size.end + size.count + 2;
  }
  return { parts, length: at };
}

function readCount(bytes: Buffer, at: number, mark: string, limit: number): { count: number; end: number } | null {
  const end = bytes.indexOf('\r\n', at);
  if (end < 0) {
    if (bytes.length - at > LINE_LIMIT_BYTES) throw new Error('a line has no end');
    return null;
  }
  const line = bytes.toString('latin1', at, end);
  const count = Number(line.slice(1));
  if (line[0] !== mark || !/^\d+$/.test(line.slice(1)) || count > limit)
    throw new Error(`expected ${mark} and a number up to ${limit}`);
  return { count, end: end + 2 };
}

/** The replies that Redis knows and this example needs. */
export const reply = {
  simple: (text: string): string => `+${text}\r\n`,
  error: (text: string): string => `-ERR ${text.replaceAll(/[\r\n]/g, ' ')}\r\n`,
  integer: (value: number): string => `:${value}\r\n`,
  bulk: (value: string | undefined): string =>
    value === undefined ? '$-1\r\n' : `$${Buffer.byteLength(value)}\r\n${value}\r\n`,
} as const;
