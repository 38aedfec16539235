import { expect, it } from 'vitest';
import { readEventStream, type StreamMessage } from './event-stream.ts';

async function read(chunks: readonly string[]): Promise<StreamMessage[]> {
  async function* stream(): AsyncGenerator<string> {
    yield* chunks;
  }
  const messages: StreamMessage[] = [];
  for await (const message of readEventStream(stream())) messages.push(message);
  return messages;
}

const TEXT = ': hello\n\nevent: event\nid: 7\ndata: {"a":1}\n\ndata: one\ndata: two\r\n\r\nevent: view\ndata: cut off';

it('reads whole messages however the stream is cut, and leaves out comments and the unfinished end', async () => {
  const expected = [
    { event: 'event', data: '{"a":1}' },
    { event: 'message', data: 'one\ntwo' },
  ];
  for (let size = 1; size <= TEXT.length; size += 1) {
    const chunks = Array.from({ length: Math.ceil(TEXT.length / size) }, (_, index) =>
      TEXT.slice(index * size, (index + 1) * size),
    );
    expect(await read(chunks)).toEqual(expected);
  }
});

it('refuses a message without end', async () => {
  await expect(read(Array.from({ length: 5 }, () => `data: ${'x'.repeat(1024 * 1024)}`))).rejects.toThrow('too long');
});
