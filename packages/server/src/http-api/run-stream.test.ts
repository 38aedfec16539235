import { afterEach, describe, expect, it } from 'vitest';
import { createHttpApi } from './http-api.ts';
import type { HttpApiParts } from './http-api-parts.ts';
import { type Listening, listen } from './listen.ts';

/** Together several times what a client may leave unread. */
const EVENTS = 1_000;
const FILLER = 'x'.repeat(5_000);

let listening: Listening | undefined;

afterEach(() => listening?.close());

async function serve(): Promise<string> {
  const api = createHttpApi({
    tokens: { authenticate: async () => ({ name: 'ada', role: 'operator' }) },
    flags: { document: () => undefined, onChange: () => () => undefined },
    runs: {
      view: async (runId: string) => ({ runId, revision: EVENTS }),
      events: async (runId: string, after: number, limit: number) =>
        Array.from({ length: Math.min(limit, EVENTS - after) }, (_, index) => ({
          runId,
          seq: after + index + 1,
          event: { filler: FILLER },
        })),
      onChange: () => () => undefined,
    },
    log: () => undefined,
    now: () => 0,
  } as unknown as HttpApiParts);
  listening = await listen(api, { host: '127.0.0.1', port: 0 });
  return listening.url;
}

describe('streamRun()', () => {
  it('sends a long log whole to whoever reads it, however much that is at once', async () => {
    const answer = await fetch(`${await serve()}/api/v1/runs/long/stream`, { headers: { authorization: 'Bearer t' } });
    const seen: number[] = [];
    let rest = '';
    for await (const text of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line.startsWith('id: ')) seen.push(Number(line.slice(4)));
      if (lines.includes('event: view')) break;
    }
    expect(seen).toEqual(Array.from({ length: EVENTS }, (_, index) => index + 1));
  });
});
