import { TheseusError } from '@theseus/core/error';
import type { Gate, Measurement, Reading } from '@theseus/core/health';
import type { Plan, PrometheusSource, Signal } from '@theseus/core/plan';
import { planSecrets } from '../secrets/fill-secrets.ts';
import { fillPromQl } from './placeholders.ts';
import { type PrometheusPlace, queryRange, type Sample } from './prometheus-client.ts';
import { readingOf, withoutSecrets } from './prometheus-source.ts';

export interface HistoryOptions {
  readonly plan: Plan;
  readonly gate: Gate;
  readonly flag: string | null;
  /** Of signals that name none. */
  readonly prometheus: PrometheusPlace | null;
  /** Epoch milliseconds. */
  readonly from: number;
  readonly to: number;
}

/** Prometheus answers at most 11 000 samples of a series at once. */
const SAMPLES_AT_ONCE = 10_000;

/**
 * What a gate would have measured at each of its looks in a time that Prometheus remembers, oldest first.
 * Signals of other sources have no memory: they read `no-data`.
 *
 * @throws TheseusError `invalid-argument` where Prometheus cannot be asked, or refuses a query
 */
export async function measureHistory(options: HistoryOptions): Promise<readonly Measurement[]> {
  const { plan, gate, from, to } = options;
  const names = [...new Set(gate.rules.map(({ condition }) => condition.signal))];
  const histories = await Promise.all(
    names.flatMap((name) => plan.signals[name] ?? []).map((signal) => historyOf(signal, options)),
  );
  const looks = Math.floor((to - from) / gate.everyMs) + 1;
  return Array.from({ length: looks }, (_, look) => {
    const at = from + look * gate.everyMs;
    return { at, readings: histories.map((readAt) => readAt(at)) };
  });
}

async function historyOf(signal: Signal, options: HistoryOptions): Promise<(at: number) => Reading> {
  const { source } = signal;
  if (source.kind !== 'prometheus') {
    const problem = `${source.kind} signals have no history that could be read`;
    return () => ({ signal: signal.name, status: 'no-data', value: null, ageMs: 0, source: source.kind, problem });
  }
  const shown = source.url ?? options.prometheus?.url ?? '';
  const query = fillPromQl(source.query, { flag: options.flag, environment: options.plan.environment });
  const of = { signal: signal.name, source: `prometheus ${withoutSecrets(shown)}`, query };
  const [value, legacy, sample] = await Promise.all(
    [source.query, source.legacy, source.sample].map((each) => samplesOf(each, source, options)),
  );
  return (at) =>
    readingOf(
      { of, signal, source, now: at },
      { value: value?.get(at) ?? null, legacy: legacy?.get(at) ?? null, sample: sample?.get(at) ?? null },
    );
}

/** The samples of a query by their moment; several series at one moment are told as the live source tells them. */
async function samplesOf(
  query: string | null,
  source: PrometheusSource,
  { plan, gate, flag, prometheus, from, to }: HistoryOptions,
): Promise<ReadonlyMap<number, Sample | string> | null> {
  if (query === null) return null;
  const place = source.url === null ? prometheus : { url: planSecrets(process.env)(source.url) };
  if (place === null) {
    throw new TheseusError('invalid-argument', 'No Prometheus is known: give --prometheus URL');
  }
  const filled = fillPromQl(query, { flag, environment: plan.environment });
  const samples = new Map<number, Sample | string>();
  const chunkMs = SAMPLES_AT_ONCE * gate.everyMs;
  for (let start = from; start <= to; start += chunkMs) {
    const end = Math.min(to, start + chunkMs - gate.everyMs);
    const answer = await queryRange(place, { query: filled, from: start, to: end, stepMs: gate.everyMs });
    if (answer.kind === 'failed') throw new TheseusError('invalid-argument', `Prometheus: ${answer.problem}`);
    for (const { samples: found } of answer.series) {
      for (const sample of found) {
        const at = Math.round(sample.at);
        samples.set(
          at,
          samples.has(at) ? 'the query answers several series: aggregate them, with sum(…) or max(…)' : sample,
        );
      }
    }
  }
  return samples;
}
