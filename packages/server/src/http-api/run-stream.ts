import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { Context } from 'hono';
import { formatEvent, openEventStream } from './event-stream.ts';
import type { ApiEnvironment, HttpApiParts } from './http-api-parts.ts';

/** Between two views, so that a fast gate does not flood whoever looks on. */
const VIEW_EVERY_MS = 250;
const PAGE = 500;

/** Streams a run: its view when anything moved, and each event once, from where the client left off. */
export async function streamRun(context: Context<ApiEnvironment>, parts: HttpApiParts): Promise<Response> {
  const { runId } = await parts.runs.view(context.req.param('id') ?? 'latest');
  let after = Number(context.req.header('last-event-id') ?? context.req.query('after') ?? 0) || 0;
  let busy = false;
  let again = false;
  let closed = false;
  let timer: NodeJS.Timeout | null = null;
  let unsubscribe = (): void => undefined;
  const stream = openEventStream(context.env.outgoing as Parameters<typeof openEventStream>[0], () => {
    closed = true;
    if (timer !== null) clearTimeout(timer);
    unsubscribe();
  });
  const push = async (): Promise<void> => {
    if (busy || closed) {
      again = true;
      return;
    }
    busy = true;
    again = false;
    try {
      for (;;) {
        const events = await parts.runs.events(runId, after, PAGE);
        for (const recorded of events) stream.send(formatEvent('event', recorded, recorded.seq));
        after = events.at(-1)?.seq ?? after;
        if (events.length < PAGE) break;
      }
      stream.send(formatEvent('view', await parts.runs.view(runId)));
    } catch {
      // The database may be away for a moment; the next change or heartbeat finds the client still here.
      again = true;
    }
    timer = setTimeout(() => {
      busy = false;
      if (again) void push();
    }, VIEW_EVERY_MS);
  };
  unsubscribe = parts.runs.onChange(runId, () => void push());
  if (closed) unsubscribe();
  void push();
  return RESPONSE_ALREADY_SENT;
}
