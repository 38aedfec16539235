import { type ErrorCode, errorText, TheseusError } from '@theseus/core/error';
import { type Arm, type FlagDocument, parseFlagDocument } from '@theseus/core/flag';
import type { Plan } from '@theseus/core/plan';
import type { PlanEdit, RecordedEvent, RunView, Verb } from '@theseus/core/rollout';
import type { Check, DifferenceReport as Differences, Finding, FlagOverview, OverrideList } from '@theseus/server';

export interface Connection {
  readonly url: string;
  readonly token: string;
}

export interface CommandRequest {
  readonly verb: Verb;
  readonly reason: string;
  readonly person?: string;
  readonly expectedRevision?: number;
  readonly commandId?: string;
}

export interface EditRequest extends Omit<CommandRequest, 'verb'> {
  readonly plan: Plan;
  readonly planHash: string;
  readonly dryRun?: boolean;
}

export interface EditAnswer {
  readonly edit: PlanEdit;
  readonly run: RunView;
  readonly events: readonly RecordedEvent[];
}

/** The arm that subjects take over any percentage; null leaves them to the plan again. */
export type OverrideTo = Arm | null;

export interface OverrideRequest extends Omit<CommandRequest, 'verb' | 'expectedRevision'> {
  readonly subjects: readonly string[];
  readonly to: OverrideTo;
  readonly asCohort?: boolean;
}

/** How the whole system stands. */
export interface SystemState {
  readonly paused: boolean;
  readonly pause: { readonly at: number; readonly by: string; readonly reason: string } | null;
  readonly runs: readonly string[];
}

/** What both sides of a migration answer differently, in one environment. */
export interface DifferenceReport extends Differences {
  readonly flag: string;
  readonly environment: string;
}

const TIMEOUT_MS = 30_000;

/** Talks to a Theseus server. Refusals come as TheseusErrors with the server's own words. */
export class ApiClient {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  get url(): string {
    return this.#connection.url;
  }

  async isHealthy(): Promise<boolean> {
    try {
      const response = await fetch(`${this.url}/api/v1/health`, { signal: AbortSignal.timeout(2_000) });
      await response.body?.cancel();
      return response.ok;
    } catch {
      return false;
    }
  }

  async start(plan: Plan, planHash: string, reason: string): Promise<RunView> {
    const { run } = await this.#send<{ run: RunView }>('POST', '/api/v1/runs', { plan, planHash, reason });
    return run;
  }

  async runs(limit: number): Promise<readonly RunView[]> {
    return (await this.#send<{ runs: RunView[] }>('GET', `/api/v1/runs?limit=${limit}`)).runs;
  }

  async run(id: string): Promise<RunView> {
    return (await this.#send<{ run: RunView }>('GET', `/api/v1/runs/${encodeURIComponent(id)}`)).run;
  }

  async events(
    id: string,
    after: number,
  ): Promise<{ readonly events: readonly RecordedEvent[]; readonly next: number | null }> {
    return this.#send('GET', `/api/v1/runs/${encodeURIComponent(id)}/events?after=${after}&limit=1000`);
  }

  /** The whole log from a number on, however long. */
  async allEvents(id: string, from = 0): Promise<readonly RecordedEvent[]> {
    const all: RecordedEvent[] = [];
    for (let after: number | null = from; after !== null; ) {
      const page: { readonly events: readonly RecordedEvent[]; readonly next: number | null } = await this.events(
        id,
        after,
      );
      all.push(...page.events);
      after = page.next;
    }
    return all;
  }

  command(
    id: string,
    command: CommandRequest,
  ): Promise<{ readonly run: RunView; readonly events: readonly RecordedEvent[] }> {
    return this.#send('POST', `/api/v1/runs/${encodeURIComponent(id)}/commands`, command);
  }

  override(
    flag: string,
    environment: string | undefined,
    request: OverrideRequest,
  ): Promise<{ readonly run: RunView; readonly events: readonly RecordedEvent[] }> {
    return this.#send('POST', overridesPath(flag, environment), request);
  }

  overrides(flag: string, environment: string | undefined): Promise<OverrideList> {
    return this.#send('GET', overridesPath(flag, environment));
  }

  turnSystem(
    turn: 'pause' | 'resume',
    request: { readonly reason: string; readonly person: string },
  ): Promise<SystemState> {
    return this.#send('POST', `/api/v1/${turn}`, request);
  }

  /** Replaces the plan of a run, or only says what that would change. */
  edit(id: string, request: EditRequest): Promise<EditAnswer> {
    return this.#send('PUT', `/api/v1/runs/${encodeURIComponent(id)}/plan`, request);
  }

  /** What the server's doctor finds, and the time there. */
  doctor(only?: Check): Promise<{ readonly time: number; readonly findings: readonly Finding[] }> {
    return this.#send('GET', `/api/v1/doctor${only === undefined ? '' : `?only=${only}`}`);
  }

  /** In the default environment where none is named. */
  differences(flag: string, environment?: string): Promise<DifferenceReport> {
    const of = environment === undefined ? '' : `?environment=${encodeURIComponent(environment)}`;
    return this.#send('GET', `/api/v1/flags/${encodeURIComponent(flag)}/differences${of}`);
  }

  /** Every flag with its lifecycle, of one environment or of all. */
  async flags(environment?: string): Promise<readonly FlagOverview[]> {
    const query = environment === undefined ? '' : `?environment=${encodeURIComponent(environment)}`;
    return (await this.#send<{ flags: FlagOverview[] }>('GET', `/api/v1/flags/states${query}`)).flags;
  }

  flag(key: string, environment: string): Promise<FlagOverview> {
    const query = `environment=${encodeURIComponent(environment)}`;
    return this.#send('GET', `/api/v1/flags/${encodeURIComponent(key)}/state?${query}`);
  }

  /** The definitions that SDKs evaluate. */
  async flagDocument(environment: string): Promise<FlagDocument> {
    const json = await this.#send('GET', `/api/v1/flags?environment=${encodeURIComponent(environment)}`);
    const parsed = parseFlagDocument(json);
    if (parsed.kind === 'document') return parsed.document;
    throw new TheseusError('unreachable', `The server's flags cannot be read: ${parsed.reason}`);
  }

  async reportSignal(
    name: string,
    value: number,
    options: { readonly run?: string; readonly flag?: string; readonly environment?: string; readonly sample?: number },
  ): Promise<{ readonly usedBy: readonly string[] }> {
    return this.#send('POST', `/api/v1/signals/${encodeURIComponent(name)}/report`, { value, ...options });
  }

  /** Opens the run's stream; the caller reads and ends it. */
  async openStream(id: string, after: number, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const path = `/api/v1/runs/${encodeURIComponent(id)}/stream?after=${after}`;
    const response = await this.#fetch('GET', path, undefined, signal);
    if (!response.ok || response.body === null) throw await refusalOf(response);
    return response.body;
  }

  async #send<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await this.#fetch(method, path, body, AbortSignal.timeout(TIMEOUT_MS));
    if (!response.ok) throw await refusalOf(response);
    return (response.status === 204 ? undefined : await response.json()) as Answer;
  }

  async #fetch(method: string, path: string, body: unknown, signal: AbortSignal): Promise<Response> {
    const { url, token } = this.#connection;
    try {
      return await fetch(`${url}${path}`, {
        method,
        signal,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : undefined;
      const why = (cause as NodeJS.ErrnoException | undefined)?.code ?? errorText(cause ?? error);
      throw new TheseusError(
        'unreachable',
        `No Theseus server answers at ${url} (${why}): start one with 'theseus serve'`,
        { cause: error },
      );
    }
  }
}

function overridesPath(flag: string, environment: string | undefined): string {
  const path = `/api/v1/flags/${encodeURIComponent(flag)}/overrides`;
  return environment === undefined ? path : `${path}?environment=${encodeURIComponent(environment)}`;
}

async function refusalOf(response: Response): Promise<TheseusError> {
  const text = await response.text().catch(() => '');
  try {
    const { error } = JSON.parse(text) as { error: { code: ErrorCode; message: string; mend?: string } };
    return new TheseusError(error.code, error.mend === undefined ? error.message : `${error.message}: ${error.mend}`);
  } catch {
    return new TheseusError('unreachable', `The server answered HTTP ${response.status} and not in Theseus's words`);
  }
}
