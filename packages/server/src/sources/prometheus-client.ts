import { limitedText, plainReason } from './http-answer.ts';

/** Where a Prometheus is, and how to be let in. */
export interface PrometheusPlace {
  /** Its base address. User and password may stand in it; they are sent as basic authentication. */
  readonly url: string;
  /** Sent as a bearer token. */
  readonly token?: string | undefined;
}

/** One value of one series. `NaN` and infinities are what Prometheus says, and mean what they mean to the caller. */
export interface Sample {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly value: number;
}

export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly samples: readonly Sample[];
}

/** What Prometheus said, or why it said nothing. */
export type PrometheusAnswer =
  | { readonly kind: 'series'; readonly series: readonly Series[] }
  | { readonly kind: 'failed'; readonly problem: string };

export interface RangeQuery {
  readonly query: string;
  /** Epoch milliseconds. */
  readonly from: number;
  readonly to: number;
  readonly stepMs: number;
}

const TIMEOUT_MS = 8_000;
const MOST_BYTES = 33_554_432;

/**
 * Asks a Prometheus (or whatever speaks its HTTP API) for the value of a query now.
 *
 * Never rejects. An answer with warnings is a failure: that is how Thanos, Mimir and remote reads tell that a part of
 * the data is missing. Its `infos` are only hints to whoever wrote the query.
 */
export function queryNow(place: PrometheusPlace, query: string): Promise<PrometheusAnswer> {
  return ask(place, 'query', { query });
}

/** The same over a range of time, one sample a step. */
export function queryRange(place: PrometheusPlace, { query, from, to, stepMs }: RangeQuery): Promise<PrometheusAnswer> {
  const times = { start: String(from / 1_000), end: String(to / 1_000), step: String(stepMs / 1_000) };
  return ask(place, 'query_range', { query, ...times });
}

async function ask(
  { url, token }: PrometheusPlace,
  endpoint: string,
  parameters: Readonly<Record<string, string>>,
): Promise<PrometheusAnswer> {
  try {
    const at = new URL(url);
    const authorization = authorizationOf(at, token);
    at.username = '';
    at.password = '';
    at.pathname = `${at.pathname.replace(/\/$/, '')}/api/v1/${endpoint}`;
    const response = await fetch(at, {
      method: 'POST',
      headers: { accept: 'application/json', ...(authorization === null ? {} : { authorization }) },
      body: new URLSearchParams(parameters),
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return answerOf(response.status, await limitedText(response, MOST_BYTES));
  } catch (error) {
    return failed(`it could not be asked: ${plainReason(error, TIMEOUT_MS)}`);
  }
}

function authorizationOf({ username, password }: URL, token: string | undefined): string | null {
  if (username !== '') {
    const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    return `Basic ${Buffer.from(pair).toString('base64')}`;
  }
  return token === undefined || token === '' ? null : `Bearer ${token}`;
}

function answerOf(status: number, text: string): PrometheusAnswer {
  const answer = parse(text);
  if (isRecord(answer) && answer['status'] === 'error') {
    return failed(
      `${String(answer['errorType'] ?? 'error')}: ${short(String(answer['error'] ?? 'it does not say why'))}`,
    );
  }
  if (status === 401 || status === 403) return failed(`it answered HTTP ${status}: the token is missing or refused`);
  if (status < 200 || status > 299) return failed(`it answered HTTP ${status}`);
  if (!isRecord(answer) || answer['status'] !== 'success' || !isRecord(answer['data'])) {
    return failed(`it answered what is no answer of Prometheus: ${short(text)}`);
  }
  const { warnings } = answer;
  if (Array.isArray(warnings) && warnings.length > 0) return failed(`it warns: ${short(warnings.join('; '))}`);
  const series = seriesOf(answer['data']);
  return series === null
    ? failed(`its result is ${short(JSON.stringify(answer['data']))}`)
    : { kind: 'series', series };
}

/** The series of a vector, a matrix or a scalar; null for anything else. */
function seriesOf({ resultType, result }: Readonly<Record<string, unknown>>): readonly Series[] | null {
  if (resultType === 'scalar') {
    const sample = sampleOf(result);
    return sample === null ? null : [{ labels: {}, samples: [sample] }];
  }
  if ((resultType !== 'vector' && resultType !== 'matrix') || !Array.isArray(result)) return null;
  const all = result.map((each: unknown): Series | null => {
    if (!isRecord(each)) return null;
    const written = resultType === 'vector' ? [each['value']] : each['values'];
    const samples = Array.isArray(written) ? written.map(sampleOf) : [null];
    // A native histogram has no value: it takes histogram_quantile() or histogram_count() to have one.
    if (samples.includes(null)) return null;
    return { labels: labelsOf(each['metric']), samples: samples.filter((sample) => sample !== null) };
  });
  return all.includes(null) ? null : all.filter((series) => series !== null);
}

function labelsOf(metric: unknown): Readonly<Record<string, string>> {
  return isRecord(metric) ? Object.fromEntries(Object.entries(metric).map(([key, value]) => [key, String(value)])) : {};
}

/** `[seconds, "value"]`; values are texts, so that NaN and infinities survive JSON. */
function sampleOf(pair: unknown): Sample | null {
  if (!Array.isArray(pair) || pair.length !== 2) return null;
  const [seconds, text] = pair as readonly unknown[];
  if (typeof seconds !== 'number' || typeof text !== 'string') return null;
  const value = SPECIAL[text] ?? (text.trim() === '' ? null : Number(text));
  if (value === null || (Number.isNaN(value) && text !== 'NaN')) return null;
  return { at: seconds * 1_000, value };
}

const SPECIAL: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  '+Inf': Number.POSITIVE_INFINITY,
  Inf: Number.POSITIVE_INFINITY,
  '-Inf': Number.NEGATIVE_INFINITY,
};

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function failed(problem: string): PrometheusAnswer {
  return { kind: 'failed', problem };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function short(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= 200 ? line : `${line.slice(0, 199)}…`;
}
