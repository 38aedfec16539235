import type { ArmCounts, JudgeProfile, LatencyCounts } from '@theseus/core/health';
import type { ArmTick, RunHeader } from './read-line.ts';

/** Buckets of the protocol's histograms to a doubling of the latency. */
const BUCKETS_PER_OCTAVE = 8;

/** The buckets from which on a request counts as slow, by the names of {@link LatencyCounts}. */
export type LatencyMarks = Readonly<Record<Exclude<keyof LatencyCounts, 'timed'>, number>>;

export function marksOf({ slowBucket, tailBucket }: RunHeader, { tolerated, harmful }: JudgeProfile): LatencyMarks {
  return {
    body: slowBucket,
    bodyTolerated: slowBucket + bucketsIn(tolerated.bodyFactor),
    bodyHarmful: slowBucket + bucketsIn(harmful.bodyFactor),
    tail: tailBucket,
    tailTolerated: tailBucket + bucketsIn(tolerated.tailFactor),
    tailHarmful: tailBucket + bucketsIn(harmful.tailFactor),
  };
}

/** At least the factor: a candidate that is exactly so much slower must not count as slower. */
function bucketsIn(factor: number): number {
  return Math.ceil(Math.log2(factor) * BUCKETS_PER_OCTAVE - 1e-9);
}

/** Adds up an arm's ticks to the sums that a judge is given. */
export class ArmSums {
  readonly #marks: LatencyMarks;
  readonly #latency = {
    timed: 0,
    body: 0,
    bodyTolerated: 0,
    bodyHarmful: 0,
    tail: 0,
    tailTolerated: 0,
    tailHarmful: 0,
  };
  readonly #segments: { requests: number; errors: number }[];
  #atRisk = 0;

  constructor(marks: LatencyMarks, segments: number) {
    this.#marks = marks;
    this.#segments = Array.from({ length: segments }, () => ({ requests: 0, errors: 0 }));
  }

  /** Requests, errors and users are sums in the protocol itself, so that a lost tick loses only latencies and segments. */
  add({ lat, seg, risk, cum }: ArmTick): ArmCounts {
    this.#addLatency(lat);
    this.#atRisk += risk;
    this.#segments.forEach((segment, at) => {
      segment.requests += seg[2 * at] ?? 0;
      segment.errors += seg[2 * at + 1] ?? 0;
    });
    return {
      requests: cum.n,
      errors: cum.e,
      latency: { ...this.#latency },
      segments: this.#segments.map((segment) => ({ ...segment })),
      users: {
        seen: cum.seen,
        failed: cum.failed,
        atRisk: this.#atRisk,
        n: cum.n,
        e: cum.e,
        s: cum.s,
        t: cum.t,
        nn: cum.n2,
        ee: cum.e2,
        ne: cum.ne,
        ss: cum.s2,
        ns: cum.ns,
        tt: cum.t2,
        nt: cum.nt,
      },
    };
  }

  #addLatency(sparse: readonly number[]): void {
    const sums = this.#latency;
    const marks = this.#marks;
    for (let at = 0; at < sparse.length; at += 2) {
      const bucket = sparse[at] as number;
      const count = sparse[at + 1] as number;
      sums.timed += count;
      if (bucket >= marks.body) sums.body += count;
      if (bucket >= marks.bodyTolerated) sums.bodyTolerated += count;
      if (bucket >= marks.bodyHarmful) sums.bodyHarmful += count;
      if (bucket >= marks.tail) sums.tail += count;
      if (bucket >= marks.tailTolerated) sums.tailTolerated += count;
      if (bucket >= marks.tailHarmful) sums.tailHarmful += count;
    }
  }
}
