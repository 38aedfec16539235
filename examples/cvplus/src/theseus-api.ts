import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Plan } from '@theseus/core/plan';
import type { RecordedEvent, RunView } from '@theseus/core/rollout';
import { readEventStream } from './event-stream.ts';

/** How a flag's requests went, by arm. */
export interface FlagTotals {
  readonly legacy: { readonly requests: number; readonly errors: number };
  readonly candidate: { readonly requests: number; readonly errors: number; readonly fallbacks: number };
}

export type StreamItem =
  | { readonly kind: 'event'; readonly recorded: RecordedEvent }
  | { readonly kind: 'view'; readonly run: RunView };

const ANSWER_LIMIT_MS = 15_000;
/** For so long a request is repeated while the server is away: it was killed, and comes back. */
const AWAY_LIMIT_MS = 90_000;
const RETRY_EVERY_MS = 200;
/** The server sends a heartbeat every 10 s; a stream that is silent for longer is dead. */
const SILENCE_LIMIT_MS = 25_000;
const EVENTS_PER_PAGE = 500;

/** The server said no. */
export class RefusedError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The HTTP API of Theseus as the demo needs it. Every call outlives a restart of the server. */
export class TheseusApi {
  readonly #url: string;
  readonly #token: string;

  constructor(url: string, token: string) {
    this.#url = url;
    this.#token = token;
  }

  /** Starts a run, once: should the answer have been lost with the server, the run is found instead. */
  async startRun(plan: Plan, planHash: string, reason: string): Promise<RunView> {
    try {
      return (await this.#call<{ run: RunView }>('POST', '/api/v1/runs', { plan, planHash, reason })).run;
    } catch (error) {
      if (!(error instanceof RefusedError) || error.status !== 409) throw error;
      const run = await this.run('latest');
      if (run.plan !== plan.name) throw error;
      return run;
    }
  }

  async run(runId: string): Promise<RunView> {
    return (await this.#call<{ run: RunView }>('GET', `/api/v1/runs/${runId}`)).run;
  }

  /** All events of a run, read from the record. */
  async events(runId: string): Promise<readonly RecordedEvent[]> {
    const events: RecordedEvent[] = [];
    let after: number | null = 0;
    while (after !== null) {
      const path: string = `/api/v1/runs/${runId}/events?after=${after}&limit=${EVENTS_PER_PAGE}`;
      const page: { events: RecordedEvent[]; next: number | null } = await this.#call('GET', path);
      events.push(...page.events);
      after = page.events.length === 0 ? null : page.next;
    }
    return events;
  }

  /** Approves a step in a person's name. Repeated under one id, so that it counts once. */
  async approve(runId: string, stepId: string, person: string, reason: string): Promise<void> {
    const command = { verb: { verb: 'approve', stepId }, reason, person, commandId: randomUUID() };
    await this.#call('POST', `/api/v1/runs/${runId}/commands`, command);
  }

  async totals(): Promise<Readonly<Record<string, FlagTotals>>> {
    return (await this.#call<{ flags: Record<string, FlagTotals> }>('GET', '/api/v1/telemetry/totals')).flags;
  }

  /** Every event once and in order, and views as they change, over as many connections as it takes. */
  async *follow(runId: string, stop: AbortSignal): AsyncGenerator<StreamItem> {
    let after = 0;
    while (!stop.aborted) {
      try {
        for await (const item of this.#streamOnce(runId, after, stop)) {
          if (item.kind === 'event') {
            if (item.recorded.seq <= after) continue;
            after = item.recorded.seq;
          }
          yield item;
        }
      } catch (error) {
        if (error instanceof RefusedError && error.status < 500) throw error;
      }
      await delay(RETRY_EVERY_MS, undefined, { signal: stop }).catch(() => undefined);
    }
  }

  async *#streamOnce(runId: string, after: number, stop: AbortSignal): AsyncGenerator<StreamItem> {
    const silence = new AbortController();
    let timer = setTimeout(() => silence.abort(), SILENCE_LIMIT_MS);
    try {
      const response = await fetch(`${this.#url}/api/v1/runs/${runId}/stream?after=${after}`, {
        headers: { authorization: `Bearer ${this.#token}`, accept: 'text/event-stream' },
        signal: AbortSignal.any([stop, silence.signal]),
      });
      if (!response.ok || response.body === null) throw await refusal(response);
      const text = response.body.pipeThrough(new TextDecoderStream());
      const alive = async function* (): AsyncGenerator<string> {
        for await (const chunk of text) {
          clearTimeout(timer);
          timer = setTimeout(() => silence.abort(), SILENCE_LIMIT_MS);
          yield chunk;
        }
      };
      for await (const { event, data } of readEventStream(alive())) {
        if (event === 'event') yield { kind: 'event', recorded: JSON.parse(data) as RecordedEvent };
        if (event === 'view') yield { kind: 'view', run: JSON.parse(data) as RunView };
      }
    } finally {
      clearTimeout(timer);
    }
  }

  async #call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const limit = Date.now() + AWAY_LIMIT_MS;
    for (;;) {
      try {
        const response = await fetch(`${this.#url}${path}`, {
          method,
          headers: { authorization: `Bearer ${this.#token}`, 'content-type': 'application/json' },
          signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
        if (!response.ok) throw await refusal(response);
        return (await response.json()) as T;
      } catch (error) {
        const final = error instanceof RefusedError && error.status < 500;
        if (final || Date.now() > limit) throw error;
        await delay(RETRY_EVERY_MS);
      }
    }
  }
}

async function refusal(response: Response): Promise<RefusedError> {
  const text = await response.text().catch(() => '');
  return new RefusedError(response.status, `Theseus answered ${response.status}: ${text.slice(0, 500)}`);
}
