import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { TheseusError } from '@theseus/core/error';
import type { Context } from 'hono';
import { formatEvent } from './event-stream.ts';
import type { ApiEnvironment, HttpApiParts } from './http-api-parts.ts';
import type { OpenStreams } from './open-streams.ts';
import { EventNumberSchema } from './schemas.ts';

/** Between two views, so that a fast gate does not flood whoever looks on. */
const VIEW_EVERY_MS = 250;
const PAGE = 100;

/**
 * Streams a run: each event once, from where the client left off, and then the view of exactly those events.
 *
 * @throws TheseusError `invalid-argument` when what the client says it has seen is no event number
 */
export async function streamRun(
  context: Context<ApiEnvironment>,
  parts: HttpApiParts,
  streams: OpenStreams,
): Promise<Response> {
  let after = lastSeen(context);
  const { runId } = await parts.runs.view(context.req.param('id') ?? 'latest');
  let busy = false;
  let again = false;
  let closed = false;
  let timer: NodeJS.Timeout | null = null;
  let unsubscribe = (): void => undefined;
  const stream = streams.open(context, context.get('holder').name, () => {
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
      const view = await parts.runs.view(runId);
      while (after < view.revision && !closed) {
        const events = await parts.runs.events(runId, after, Math.min(PAGE, view.revision - after));
        if (events.length === 0) break;
        for (const recorded of events) {
          stream.send(formatEvent('event', recorded, recorded.seq));
          await stream.drained();
        }
        after = events.at(-1)?.seq ?? after;
      }
      stream.send(formatEvent('view', view));
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

/** The number of the last event the client has seen; 0 when it has seen none. */
function lastSeen(context: Context<ApiEnvironment>): number {
  const given = context.req.header('last-event-id') ?? context.req.query('after') ?? '0';
  const parsed = EventNumberSchema.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new TheseusError(
    'invalid-argument',
    `'${given.slice(0, 40)}' is no event number: give that of the last one seen`,
  );
}
