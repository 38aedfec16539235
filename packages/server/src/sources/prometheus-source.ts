import type { Reading } from '@theseus/core/health';
import type { PrometheusSource, Signal } from '@theseus/core/plan';
import type { ReadingRequest } from '../ports/reading-request.ts';
import type { FillSecrets } from '../secrets/fill-secrets.ts';
import { asksForFlag, fillPromQl } from './placeholders.ts';
import { type PrometheusAnswer, type PrometheusPlace, queryNow, type Sample } from './prometheus-client.ts';
import { type Fresh, noReading } from './reading.ts';

/** Reads the number that a PromQL query answers now, with its legacy and its sample where the signal names queries for them. */
export async function readPrometheus(
  { signal, flag, environment, now }: ReadingRequest,
  source: PrometheusSource,
  known: PrometheusPlace | null,
  fill: FillSecrets,
): Promise<Reading> {
  const shown = source.url ?? known?.url ?? null;
  const filled = (query: string): string => fillPromQl(query, { flag, environment });
  const of = { signal: signal.name, source: `prometheus ${withoutSecrets(shown)}`.trim(), query: filled(source.query) };
  if (shown === null) {
    return noReading(
      of,
      'error',
      "no Prometheus is known here: start the server with --prometheus URL, or give the signal its own with 'at'",
    );
  }
  const queries = [source.query, source.legacy, source.sample];
  if (flag === null && queries.some((query) => query !== null && asksForFlag(query))) {
    return noReading(of, 'no-data', 'the query asks for a flag, and none is watched here');
  }
  const place = source.url === null ? (known as PrometheusPlace) : { url: fill(source.url) };
  const ask = async (query: string | null): Promise<Sample | string | null> =>
    query === null ? null : oneSample(await queryNow(place, filled(query)));
  const [value, legacy, sample] = await Promise.all([ask(source.query), ask(source.legacy), ask(source.sample)]);
  return readingOf({ of, signal, source, now }, { value, legacy, sample });
}

interface Meant {
  readonly of: Fresh;
  readonly signal: Signal;
  readonly source: PrometheusSource;
  readonly now: number;
}

/** What each query answered: a sample, null for no series, or what is wrong with it. */
export type Answered = Readonly<Record<'value' | 'legacy' | 'sample', Sample | string | null>>;

/** What the answers to a signal's queries mean. */
export function readingOf({ of, signal, source, now }: Meant, { value, legacy, sample }: Answered): Reading {
  if (value === null) return noReading(of, 'no-data', 'the query answers nothing: no series fits');
  if (typeof value === 'string') return noReading(of, 'error', value);
  if (typeof legacy === 'string') return noReading(of, 'error', `for legacy, ${legacy}`);
  if (typeof sample === 'string') return noReading(of, 'error', `for the sample, ${sample}`);
  const ageMs = Math.max(0, now - value.at);
  if (!Number.isFinite(value.value)) {
    return { ...noReading(of, 'no-data', `the query answers ${value.value}: nothing was divided by nothing`), ageMs };
  }
  if (ageMs > signal.freshForMs) return { ...of, status: 'stale', value: value.value * source.scale, ageMs };
  return {
    ...of,
    status: 'ok',
    value: value.value * source.scale,
    ...(legacy !== null && Number.isFinite(legacy.value) ? { legacy: legacy.value * source.scale } : {}),
    // No series of requests are no requests.
    ...(source.sample === null
      ? {}
      : { sample: Math.floor(sample !== null && Number.isFinite(sample.value) ? sample.value : 0) }),
    ageMs,
  };
}

/** The one sample of an answer, null where there is none, or what is wrong with it. */
function oneSample(answer: PrometheusAnswer): Sample | string | null {
  if (answer.kind === 'failed') return answer.problem;
  const [first, ...more] = answer.series;
  if (more.length > 0) {
    return `the query answers ${more.length + 1} series: aggregate them, with sum(…) or max(…)`;
  }
  return first?.samples.at(-1) ?? null;
}

/** An address as it may be shown: without user, password and what stands behind a question mark. */
export function withoutSecrets(url: string | null): string {
  return url === null ? '' : url.replace(/\/\/[^/@]*@/, '//').replace(/\?.*$/, '');
}
