import { type ArmTelemetry, latencyQuantile, type Reading } from '@theseus/core/health';
import type { TelemetryMetric } from '@theseus/core/plan';
import type { ReadingRequest } from '../ports/reading-request.ts';
import { noReading } from './reading.ts';

/** Reads of a migration that asked both sides, and those whose answers were equal. */
interface Agreement {
  readonly compared: number;
  readonly equal: number;
}

/** Where telemetry is kept. */
export interface TelemetryWindows {
  window(
    flag: string,
    fromMs: number,
    toMs: number,
    environment: string,
  ): Promise<{
    readonly legacy: ArmTelemetry;
    readonly candidate: ArmTelemetry;
    readonly agreement: Agreement;
    readonly newestAt: number | null;
  }>;
}

const QUANTILES: Partial<Record<TelemetryMetric, number>> = {
  'latency-p50': 0.5,
  'latency-p95': 0.95,
  'latency-p99': 0.99,
};

/** Reads what SDKs counted for the flag: since its present exposure was set, and no longer than the signal looks back. */
export async function readTelemetry(
  windows: TelemetryWindows,
  request: ReadingRequest,
  metric: TelemetryMetric,
): Promise<Reading> {
  const of = { signal: request.signal.name, source: 'telemetry' };
  if (request.flag === null) return noReading(of, 'no-data', 'telemetry belongs to flags, and none is watched here');
  const from = Math.max(request.since, request.now - request.signal.overMs);
  const { legacy, candidate, agreement, newestAt } = await windows.window(
    request.flag,
    from,
    request.now,
    request.environment,
  );
  if (newestAt === null) return noReading(of, 'no-data', `no SDK has reported traffic for ${request.flag} yet`);
  const ageMs = Math.max(0, request.now - newestAt);
  if (ageMs > request.signal.freshForMs) return { ...of, status: 'stale', value: null, ageMs };
  if (metric === 'request-rate') return requestRate(of, legacy, candidate, request.now - from, ageMs);
  if (metric === 'agreement-rate') return agreementRate(of, agreement, ageMs);
  if (candidate.requests === 0) {
    // SDKs are heard, and nobody came: that is not a source that is silent.
    return { ...noReading(of, 'no-data', 'no request has taken the candidate yet'), sample: 0 };
  }
  const value = measure(candidate, metric);
  if (value === null) return noReading(of, 'no-data', 'nothing was timed on the candidate yet');
  const compared = measure(legacy, metric);
  return {
    ...of,
    status: 'ok',
    value,
    ...(compared === null ? {} : { legacy: compared, legacySample: legacy.requests }),
    sample: candidate.requests,
    ageMs,
  };
}

/** Requests of both arms a second: what users ask for, whichever arm answers. */
function requestRate(
  of: Pick<Reading, 'signal' | 'source'>,
  legacy: ArmTelemetry,
  candidate: ArmTelemetry,
  spanMs: number,
  ageMs: number,
): Reading {
  if (spanMs <= 0) return noReading(of, 'no-data', 'nothing was measured yet');
  return { ...of, status: 'ok', value: ((legacy.requests + candidate.requests) * 1_000) / spanMs, ageMs };
}

/** Percent of the compared reads in which both sides said the same. */
function agreementRate(of: Pick<Reading, 'signal' | 'source'>, { compared, equal }: Agreement, ageMs: number): Reading {
  if (compared === 0) return { ...noReading(of, 'no-data', 'no read was compared yet'), sample: 0 };
  return { ...of, status: 'ok', value: (equal * 100) / compared, sample: compared, ageMs };
}

/** A metric of one arm in its unit: percent or milliseconds; null when the arm had no traffic, or no arm has it. */
export function measure(arm: ArmTelemetry, metric: TelemetryMetric): number | null {
  if (arm.requests === 0 || metric === 'agreement-rate') return null;
  const errorPercent = (arm.errors * 100) / arm.requests;
  if (metric === 'error-rate') return errorPercent;
  if (metric === 'success-rate') return 100 - errorPercent;
  const quantile = latencyQuantile(arm.latency, QUANTILES[metric] ?? 0.95);
  return quantile ?? null;
}
