import { randomUUID } from 'node:crypto';
import { type Plan, planHash } from '@theseus/core/plan';
import type { RecordedEvent, RunView, Verb } from '@theseus/core/rollout';

const REQUEST_LIMIT_MS = 4_000;
const AGAIN_MS = 100;
const PAGE = 1_000;

/** A person who asks whichever server answers, repeats under the same id what was not answered, and keeps every answer. */
export class PatientOperator {
  readonly #urls: readonly string[];
  readonly #token: () => string;
  readonly #acknowledged: RecordedEvent[] = [];
  #turn = 0;

  constructor(urls: readonly string[], token: () => string) {
    this.#urls = urls;
    this.#token = token;
  }

  /** The events that servers have answered with: promised to be in the log for ever. */
  get acknowledged(): readonly RecordedEvent[] {
    return this.#acknowledged;
  }

  /** Starts a run of a plan whose name no other run has, and finds it where the answer was lost. */
  async start(plan: Plan): Promise<string> {
    for (;;) {
      const answer = await this.#try('POST', '/api/v1/runs', { plan, planHash: planHash(plan) });
      if (answer?.status === 201) return (answer.body as { run: RunView }).run.runId;
      const known = (await this.#get<{ runs: RunView[] }>('/api/v1/runs?limit=100')).runs;
      const found = known.find((run) => run.plan === plan.name);
      if (found !== undefined) return found.runId;
      if (answer !== null && answer.status < 500) throw new Error(JSON.stringify(answer.body));
    }
  }

  /** Gives a command until it is answered; false where it is refused because the run has moved on. */
  async command(runId: string, verb: Verb): Promise<boolean> {
    const body = { verb, reason: 'test', commandId: randomUUID() };
    for (;;) {
      const answer = await this.#try('POST', `/api/v1/runs/${runId}/commands`, body);
      if (answer === null || answer.status >= 500) continue;
      if (answer.status !== 200) return false;
      this.#acknowledged.push(...(answer.body as { events: RecordedEvent[] }).events);
      return true;
    }
  }

  async view(runId: string): Promise<RunView> {
    return (await this.#get<{ run: RunView }>(`/api/v1/runs/${runId}`)).run;
  }

  async log(runId: string): Promise<readonly RecordedEvent[]> {
    const events: RecordedEvent[] = [];
    for (;;) {
      const path = `/api/v1/runs/${runId}/events?after=${events.length}&limit=${PAGE}`;
      const page = (await this.#get<{ events: RecordedEvent[] }>(path)).events;
      events.push(...page);
      if (page.length < PAGE) return events;
    }
  }

  async #get<Body>(path: string): Promise<Body> {
    for (;;) {
      const answer = await this.#try('GET', path);
      if (answer?.status === 200) return answer.body as Body;
      if (answer !== null && answer.status < 500) throw new Error(JSON.stringify(answer.body));
    }
  }

  /** Null where nobody answered. The next server is asked next. */
  async #try(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown } | null> {
    const url = this.#urls[this.#turn % this.#urls.length];
    try {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: { authorization: `Bearer ${this.#token()}`, 'content-type': 'application/json' },
        signal: AbortSignal.timeout(REQUEST_LIMIT_MS),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const answer = { status: response.status, body: await response.json() };
      if (answer.status >= 500) await this.#pause();
      return answer;
    } catch {
      await this.#pause();
      return null;
    }
  }

  #pause(): Promise<void> {
    this.#turn += 1;
    return new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}
