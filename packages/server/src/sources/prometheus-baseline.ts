import { type HourOfHistory, hourOfWeek } from '@theseus/core/health';
import type { PrometheusSource } from '@theseus/core/plan';
import type { HistoryAnswer, HistoryRequest } from '../ports/signal-history.ts';
import type { FillSecrets } from '../secrets/fill-secrets.ts';
import { fillPromQl } from './placeholders.ts';
import { type PrometheusPlace, queryRange, type Sample } from './prometheus-client.ts';
import { withoutSecrets } from './prometheus-source.ts';

/** Prometheus answers at most 11 000 samples of a series at once. */
const SAMPLES_AT_ONCE = 10_000;
/** Samples stand so far apart: near enough for every scrape interval that is usual, and few enough to be read. */
const LEAST_STEP_MS = 15_000;
const MOST_STEP_MS = 300_000;
const STEPS_WANTED = 8_000;

export interface PrometheusAsked {
  readonly source: PrometheusSource;
  /** Of signals that name none. */
  readonly known: PrometheusPlace | null;
  readonly fillSecrets: FillSecrets;
}

/**
 * What the query of a signal answered over a time, one sample a step: that for legacy where the signal names one, since
 * it is legacy that served before the start.
 *
 * Where Prometheus has no sample, or one that is no number, there is a gap.
 */
export async function prometheusBaseline(
  { environment, from, to }: HistoryRequest,
  flag: string | null,
  { source, known, fillSecrets }: PrometheusAsked,
): Promise<HistoryAnswer> {
  const shown = source.url ?? known?.url ?? null;
  if (shown === null || (source.url === null && known === null)) {
    return unreadable("no Prometheus is known here: start the server with --prometheus URL, or give the signal 'at'");
  }
  const place = source.url === null && known !== null ? known : { url: fillSecrets(shown) };
  const query = fillPromQl(source.legacy ?? source.query, { flag, environment });
  const samples = await samplesOf(place, query, { from, to });
  if (typeof samples === 'string') return unreadable(samples);
  const values = samples.filter(({ value }) => Number.isFinite(value));
  const [first, last] = [values[0], values.at(-1)];
  if (first === undefined || last === undefined) {
    return unreadable(
      samples.length === 0
        ? 'the query answers nothing over that time: no series fits'
        : `the query answers ${samples[0]?.value} only: nothing was divided by nothing`,
    );
  }
  const scaled = values.map(({ at, value }) => ({ at, value: value * source.scale }));
  return {
    kind: 'history',
    history: {
      value: scaled.reduce((sum, { value }) => sum + value, 0) / scaled.length,
      over: { from: first.at, to: last.at },
      sample: { count: scaled.length, of: 'samples' },
      source: `prometheus ${withoutSecrets(shown)}`,
      query,
      hours: byHour(scaled),
    },
  };
}

/** All samples of the query's only series, oldest first, or what is wrong. */
async function samplesOf(
  place: PrometheusPlace,
  query: string,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<readonly Sample[] | string> {
  const stepMs = stepFor(to - from);
  const found: Sample[] = [];
  for (let start = from; start <= to; start += SAMPLES_AT_ONCE * stepMs) {
    const end = Math.min(to, start + (SAMPLES_AT_ONCE - 1) * stepMs);
    const answer = await queryRange(place, { query, from: start, to: end, stepMs });
    if (answer.kind === 'failed') return answer.problem;
    const [first, ...more] = answer.series;
    if (more.length > 0) return `the query answers ${more.length + 1} series: aggregate them, with sum(…) or max(…)`;
    found.push(...(first?.samples ?? []));
  }
  return found;
}

/** A multiple of the shortest step, so that few samples are left over. */
export function stepFor(spanMs: number): number {
  const wanted = Math.ceil(spanMs / STEPS_WANTED / LEAST_STEP_MS) * LEAST_STEP_MS;
  return Math.min(MOST_STEP_MS, Math.max(LEAST_STEP_MS, wanted));
}

function byHour(samples: readonly Sample[]): readonly HourOfHistory[] {
  return samples.map(({ at, value }) => ({ ...hourOfWeek(at), sum: value, weight: 1 }));
}

function unreadable(problem: string): HistoryAnswer {
  return { kind: 'unreadable', problem };
}
