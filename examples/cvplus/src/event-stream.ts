/** One message of a server-sent event stream. */
export interface StreamMessage {
  readonly event: string;
  readonly data: string;
}

/** Longer than any view or event; a stream that sends more without an end is broken. */
const BUFFER_LIMIT = 4 * 1024 * 1024;

/** Splits a stream of text into its messages. Comments (heartbeats) are left out. */
export async function* readEventStream(chunks: AsyncIterable<string>): AsyncGenerator<StreamMessage> {
  let rest = '';
  for await (const chunk of chunks) {
    rest += chunk.replaceAll('\r', '');
    if (rest.length > BUFFER_LIMIT) throw new Error('a message of the stream is too long');
    const blocks = rest.split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const message = parseBlock(block);
      if (message !== null) yield message;
    }
  }
}

function parseBlock(block: string): StreamMessage | null {
  let event = 'message';
  const data: string[] = [];
  for (const line of block.split('\n')) {
    if (line.startsWith('event:')) event = line.slice(6).trim();
    if (line.startsWith('data:')) data.push(line.slice(5).replace(/^ /, ''));
  }
  return data.length === 0 ? null : { event, data: data.join('\n') };
}
