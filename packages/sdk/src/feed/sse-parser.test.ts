import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SseParser } from './sse-parser.ts';

type Event = readonly [string, string];

function parse(chunks: readonly Uint8Array[], limit = 10_000): Event[] {
  const events: Event[] = [];
  const parser = new SseParser((event, data) => events.push([event, data]), limit);
  for (const chunk of chunks) parser.push(chunk);
  return events;
}

const bytes = (text: string) => Buffer.from(text, 'utf8');

describe('SseParser', () => {
  test.each<[string, string, Event[]]>([
    ['an event', 'event: put\ndata: {"a":1}\n\n', [['put', '{"a":1}']]],
    ['an event without a name', 'data: x\n\n', [['message', 'x']]],
    ['a field without a space', 'event:put\ndata:x\n\n', [['put', 'x']]],
    ['one space only as separator', 'data:  x\n\n', [['message', ' x']]],
    ['data of several lines', 'data: a\ndata: b\ndata\n\n', [['message', 'a\nb\n']]],
    ['comments', ': ping\n\n:\n\ndata: x\n\n', [['message', 'x']]],
    ['a name without data', 'event: put\n\ndata: x\n\n', [['message', 'x']]],
    ['unknown fields', 'id: 5\nretry: 10\nmore: x\ndata: x\n\n', [['message', 'x']]],
    ['an event that is not ended', 'data: x\n', []],
    ['a mark of byte order', '\ufeffdata: x\n\n', [['message', 'x']]],
    ['text beyond ASCII', 'data: é日😀\n\n', [['message', 'é日😀']]],
  ])('reads %s, with any line end', (_what, text, expected) => {
    for (const end of ['\n', '\r\n', '\r']) expect(parse([bytes(text.replaceAll('\n', end))])).toEqual(expected);
  });

  test('reads the same events wherever the chunks are cut', () => {
    const text =
      ': hi\r\n\r\nevent: put\r\ndata: {"é":"日😀"}\r\ndata: more\r\n\r\nevent: patch\ndata: 2\n\ndata: 3\r\rdata: 4\n\n';
    const whole = bytes(text);
    const expected = parse([whole]);
    expect(expected).toHaveLength(4);
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: whole.length })), (cuts) => {
        const at = [0, ...cuts.toSorted((left, right) => left - right), whole.length];
        const chunks = at.slice(1).map((end, index) => whole.subarray(at[index], end));
        expect(parse(chunks)).toEqual(expected);
      }),
    );
  });

  test('refuses an event beyond the limit, be it one endless line or endless lines', () => {
    const limit = expect.objectContaining({ code: 'limit-exceeded' });
    expect(() =>
      parse(
        Array.from({ length: 20 }, () => bytes('x'.repeat(100))),
        1000,
      ),
    ).toThrow(limit);
    expect(() =>
      parse(
        Array.from({ length: 20 }, () => bytes(`data: ${'x'.repeat(100)}\n`)),
        1000,
      ),
    ).toThrow(limit);
    expect(() => parse([bytes('data\n'.repeat(1001))], 1000)).toThrow(limit);
  });

  test('reads any number of events within the limit of one', () => {
    const line = bytes(`data: ${'x'.repeat(900)}\n\n`);
    expect(
      parse(
        Array.from({ length: 50 }, () => line),
        1000,
      ),
    ).toHaveLength(50);
    const halves = Array.from({ length: 50 }, () => [line.subarray(0, 500), line.subarray(500)]).flat();
    expect(parse(halves, 1000)).toHaveLength(50);
  });

  test('survives bytes that are no text', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50 })), (chunks) => {
        expect(Array.isArray(parse(chunks))).toBe(true);
      }),
    );
  });
});
