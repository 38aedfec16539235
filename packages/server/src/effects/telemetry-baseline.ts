import { type ArmTelemetry, type HourOfHistory, hourOfWeek, LatencyHistogram } from '@theseus/core/health';
import type { TelemetryMetric } from '@theseus/core/plan';
import type { HistorySpan, HourOfTelemetry, SignalHistory } from '../ports/signal-history.ts';

const HOUR_MS = 3_600_000;

export type MeasureArm = (arm: ArmTelemetry, metric: TelemetryMetric) => number | null;

/** What legacy counted in all hours together. */
export function legacyOf(hours: readonly HourOfTelemetry[]): ArmTelemetry {
  const latency = new LatencyHistogram();
  let [requests, errors, fallbacks] = [0, 0, 0];
  for (const { legacy } of hours) {
    requests += legacy.requests;
    errors += legacy.errors;
    fallbacks += legacy.fallbacks;
    latency.merge(legacy.latency);
  }
  return { requests, errors, fallbacks, latency: latency.toSparse() };
}

/**
 * What a metric was on legacy over a time; of requests, both arms together, since users come whichever arm answers. Null
 * where it was not measured.
 *
 * An hour weighs as much as it has requests; for their rate, as many seconds of it as lie in the time. Hours without
 * records are gaps in the week. In the rate over all they count, since a counter that comes late brings what was missed.
 */
export function telemetryBaseline(
  hours: readonly HourOfTelemetry[],
  span: HistorySpan,
  { metric, measure }: { readonly metric: TelemetryMetric; readonly measure: MeasureArm },
): SignalHistory | null {
  const legacy = legacyOf(hours);
  const isRate = metric === 'request-rate';
  const requests = isRate ? hours.reduce((sum, hour) => sum + requestsOf(hour), 0) : legacy.requests;
  const value = isRate ? (requests * 1_000) / (span.to - span.from) : measure(legacy, metric);
  if (value === null) return null;
  const rows = hours.flatMap((hour): readonly HourOfHistory[] => {
    const place = hourOfWeek(hour.at);
    if (isRate) {
      const weight = (Math.min(hour.at + HOUR_MS, span.to) - Math.max(hour.at, span.from)) / 1_000;
      return weight > 0 ? [{ ...place, sum: requestsOf(hour), weight }] : [];
    }
    const mean = measure(hour.legacy, metric);
    const weight = hour.legacy.requests;
    return mean === null ? [] : [{ ...place, sum: mean * weight, weight }];
  });
  return { value, over: span, sample: { count: requests, of: 'requests' }, source: 'telemetry', hours: rows };
}

function requestsOf({ legacy, candidateRequests }: HourOfTelemetry): number {
  return legacy.requests + candidateRequests;
}
