import { type Assignment, NOT_COMPARED } from '@theseus/core/flag';
import { type ArmTelemetry, LatencyHistogram, packLatency } from '@theseus/core/health';

/** Strata beyond this many are not counted, however often plans name others. */
const KEPT_STRATA_LIMIT = 64;

/** Requests of one kind. Only ever grows. */
class CallCounters {
  requests = 0;
  errors = 0;
  readonly latency = new LatencyHistogram();

  count(latencyMs: number, isFailed: boolean): void {
    this.requests += 1;
    if (isFailed) this.errors += 1;
    this.latency.record(latencyMs);
  }
}

/** What is counted of one arm. Only ever grows. */
export class ArmCounters {
  fallbacks = 0;
  /** Requests of users whom hash alone sent here. */
  readonly #compared = new CallCounters();
  /** All others; most flags have none. */
  #apart: CallCounters | undefined;
  #strata: Map<string, { requests: number; errors: number }> | undefined;

  count(assignment: Assignment, latencyMs: number, isFailed: boolean): void {
    if (assignment.subject === NOT_COMPARED) {
      this.#apart ??= new CallCounters();
      this.#apart.count(latencyMs, isFailed);
      return;
    }
    this.#compared.count(latencyMs, isFailed);
    if (assignment.strata !== 0) this.#countStrata(assignment, isFailed);
  }

  /** With `comparing`, tells which of the requests may be compared. */
  toTelemetry({ comparing }: { readonly comparing: boolean }): ArmTelemetry {
    const { fallbacks } = this;
    const whole = this.#whole();
    if (!comparing) return { ...whole, fallbacks };
    const { requests, errors, latency } = this.#compared;
    const compared = this.#apart === undefined ? 'all' : { requests, errors, latency: packLatency(latency.toSparse()) };
    const strata = this.#strata === undefined ? {} : { strata: Object.fromEntries(this.#strata) };
    return { ...whole, fallbacks, compared, ...strata };
  }

  #whole(): Omit<ArmTelemetry, 'fallbacks'> {
    const { requests, errors, latency } = this.#compared;
    const apart = this.#apart;
    if (apart === undefined) return { requests, errors, latency: packLatency(latency.toSparse()) };
    const both = LatencyHistogram.fromSparse(latency.toSparse());
    both.merge(apart.latency.toSparse());
    return {
      requests: requests + apart.requests,
      errors: errors + apart.errors,
      latency: packLatency(both.toSparse()),
    };
  }

  #countStrata({ strata, definition }: Assignment, isFailed: boolean): void {
    this.#strata ??= new Map();
    const names = definition.strata ?? [];
    for (let at = 0; at < names.length; at += 1) {
      if ((strata & (1 << at)) === 0) continue;
      const counts = this.#stratum(names[at] as string);
      if (counts === undefined) continue;
      counts.requests += 1;
      if (isFailed) counts.errors += 1;
    }
  }

  #stratum(name: string): { requests: number; errors: number } | undefined {
    const known = this.#strata?.get(name);
    if (known !== undefined) return known;
    if (this.#strata === undefined || this.#strata.size >= KEPT_STRATA_LIMIT) return undefined;
    const counts = { requests: 0, errors: 0 };
    this.#strata.set(name, counts);
    return counts;
  }
}
