import type { Arm } from '@theseus/core/flag';
import { type ArmTelemetry, type FlagTelemetry, LatencyHistogram } from '@theseus/core/health';

/** Flags beyond this many are not counted: memory stays bounded however many keys come and go. */
const COUNTED_FLAGS_LIMIT = 10_000;

/** What is counted of one arm. Only ever grows. */
class ArmCounters {
  requests = 0;
  errors = 0;
  fallbacks = 0;
  readonly latency = new LatencyHistogram();

  toTelemetry(): ArmTelemetry {
    const { requests, errors, fallbacks } = this;
    return { requests, errors, fallbacks, latency: this.latency.toSparse() };
  }
}

/** The counters of one flag. */
export class FlagCounters {
  readonly legacy = new ArmCounters();
  readonly candidate = new ArmCounters();
  /** Grows with each change, so that an unchanged flag need not be sent again. */
  revision = 0;
  acknowledgedRevision = 0;

  /** Counts one request that an arm has answered, or failed to. */
  countRequest(arm: Arm, latencyMs: number, outcome: 'answered' | 'failed'): void {
    const counters = arm === 'candidate' ? this.candidate : this.legacy;
    counters.requests += 1;
    if (outcome === 'failed') counters.errors += 1;
    counters.latency.record(latencyMs);
    this.revision += 1;
  }

  /** Counts one request that legacy answered after the candidate had failed. */
  countFallback(): void {
    this.candidate.fallbacks += 1;
    this.revision += 1;
  }

  toTelemetry(): FlagTelemetry {
    return { legacy: this.legacy.toTelemetry(), candidate: this.candidate.toTelemetry() };
  }
}

/** The part of a batch that is new to the server. */
export interface ChangedFlags {
  /** JSON of `TelemetryBatch.flags`. */
  readonly json: string;
  /** Whether changes had to be left for a next batch because this one is full. */
  readonly more: boolean;
  /** To be called when the server has taken the batch. */
  acknowledge(): void;
}

/** Counters of every flag that was routed in the life of this instance. */
export class TelemetryCounters {
  readonly #flags = new Map<string, FlagCounters>();
  readonly #limit: number;

  constructor(limit: number = COUNTED_FLAGS_LIMIT) {
    this.#limit = limit;
  }

  /**
   * The counters of a flag; undefined when there are too many flags already. They stay when the flag is removed: would
   * they begin at zero again, the server would take that for a loss.
   */
  of(flag: string): FlagCounters | undefined {
    const known = this.#flags.get(flag);
    if (known !== undefined) return known;
    if (this.#flags.size >= this.#limit) return undefined;
    const counters = new FlagCounters();
    this.#flags.set(flag, counters);
    return counters;
  }

  /** The flags that changed since they were last acknowledged, as far as they fit into so many bytes of JSON. */
  changed(limitBytes: number): ChangedFlags {
    const parts: string[] = [];
    const sent: { readonly counters: FlagCounters; readonly revision: number }[] = [];
    let length = 2;
    let more = false;
    for (const [flag, counters] of this.#flags) {
      if (counters.revision === counters.acknowledgedRevision) continue;
      const part = `${JSON.stringify(flag)}:${JSON.stringify(counters.toTelemetry())}`;
      const bytes = Buffer.byteLength(part) + 1;
      if (length + bytes > limitBytes && parts.length > 0) {
        more = true;
        break;
      }
      length += bytes;
      parts.push(part);
      sent.push({ counters, revision: counters.revision });
    }
    return {
      json: `{${parts.join(',')}}`,
      more,
      acknowledge: () => {
        for (const { counters, revision } of sent) counters.acknowledgedRevision = revision;
      },
    };
  }
}
