import { isSparseLatency, LatencyHistogram } from '@theseus/core/health';

/** What one side has done since the program began, or since the state was restored. */
export interface SideRecord {
  readonly requests: number;
  readonly errors: number;
  /** Latency in milliseconds that half, 95 and 99 of 100 calls did not exceed; undefined before the first call. */
  readonly p50Ms: number | undefined;
  readonly p95Ms: number | undefined;
  readonly p99Ms: number | undefined;
}

export interface SideHealthState {
  readonly requests: number;
  readonly errors: number;
  /** As telemetry has it: bucket, count, bucket, count … */
  readonly latency: readonly number[];
}

/** Counts every call of one side, whether a caller waited for it or not. */
export class SideHealth {
  #requests = 0;
  #errors = 0;
  #latency = new LatencyHistogram();

  count(latencyMs: number, outcome: 'answered' | 'failed'): void {
    this.#requests += 1;
    if (outcome === 'failed') this.#errors += 1;
    this.#latency.record(latencyMs);
  }

  toRecord(): SideRecord {
    const quantile = (part: number) => this.#latency.quantile(part);
    return {
      requests: this.#requests,
      errors: this.#errors,
      p50Ms: quantile(0.5),
      p95Ms: quantile(0.95),
      p99Ms: quantile(0.99),
    };
  }

  toState(): SideHealthState {
    return { requests: this.#requests, errors: this.#errors, latency: this.#latency.toSparse() };
  }

  /** Goes on from a state that {@link isSideHealthState} has checked. */
  restore({ requests, errors, latency }: SideHealthState): void {
    this.#latency = LatencyHistogram.fromSparse(latency);
    this.#requests = requests;
    this.#errors = errors;
  }
}

export function isSideHealthState(value: unknown): value is SideHealthState {
  if (typeof value !== 'object' || value === null) return false;
  const { requests, errors, latency } = value as Record<keyof SideHealthState, unknown>;
  if (!Number.isSafeInteger(requests) || !Number.isSafeInteger(errors)) return false;
  if ((errors as number) < 0 || (errors as number) > (requests as number)) return false;
  return Array.isArray(latency) && isSparseLatency(latency);
}
