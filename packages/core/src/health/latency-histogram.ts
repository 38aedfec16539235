import { TheseusError } from '../error.ts';

/**
 * Latencies are counted in buckets that are the leading bits of the number itself: the exponent and five bits of
 * the fraction of a float64, that is 32 equal steps within each doubling. Reading a value back as the middle of its bucket
 * is wrong by at most 1/64 (1.6 %), and two histograms merge exactly by adding their counts.
 */
const STEPS_PER_OCTAVE = 32;
/** 2^-10 ms: a little below 1 µs. Anything shorter is counted in the first bucket. */
const LEAST_EXPONENT = -10;
/** 2^17 ms: 131 s, the first power of two above the 67 s that must fit. Anything longer is counted in the last bucket. */
const END_EXPONENT = 17;
const OCTAVES = END_EXPONENT - LEAST_EXPONENT;
const LEAST_MS = 2 ** LEAST_EXPONENT;
const END_MS = 2 ** END_EXPONENT;
const FLOAT64_BIAS = 1023;
/** The leading 17 bits of the smallest latency: sign, eleven bits of exponent and five of fraction. */
const FIRST_KEY = (FLOAT64_BIAS + LEAST_EXPONENT) * STEPS_PER_OCTAVE;

/** Buckets are numbered from 0 to one less than this. */
export const LATENCY_BUCKETS = OCTAVES * STEPS_PER_OCTAVE;

const float = new Float64Array(1);
const words = new Int32Array(float.buffer);
float[0] = 1;
/** Which of the two words holds sign and exponent, whatever the byte order of the machine. */
const HIGH_WORD = words[1] === 0 ? 0 : 1;

/** The bucket that counts a latency, in milliseconds. What is negative or no number falls into the first. */
export function latencyBucket(ms: number): number {
  if (!(ms > LEAST_MS)) return 0;
  if (ms >= END_MS) return LATENCY_BUCKETS - 1;
  float[0] = ms;
  return ((words[HIGH_WORD] as number) >> 15) - FIRST_KEY;
}

/** The latencies a bucket counts, in milliseconds: from `fromMs` up to but not including `toMs`. */
export function bucketBounds(bucket: number): { readonly fromMs: number; readonly toMs: number } {
  return { fromMs: bucketStart(bucket), toMs: bucketStart(bucket + 1) };
}

function bucketStart(bucket: number): number {
  const octave = Math.floor(bucket / STEPS_PER_OCTAVE);
  const step = bucket - octave * STEPS_PER_OCTAVE;
  return 2 ** (LEAST_EXPONENT + octave) * (1 + step / STEPS_PER_OCTAVE);
}

/** Counts of latencies by bucket. Memory grows by one block of 256 bytes for each doubling that really occurs. */
export class LatencyHistogram {
  readonly #octaves: (Float64Array | undefined)[] = new Array<Float64Array | undefined>(OCTAVES).fill(undefined);
  #total = 0;

  /** A histogram of the counts that {@link toSparse} wrote. Errors as {@link merge}. */
  static fromSparse(sparse: readonly number[]): LatencyHistogram {
    const histogram = new LatencyHistogram();
    histogram.merge(sparse);
    return histogram;
  }

  /** How many latencies were recorded. */
  get total(): number {
    return this.#total;
  }

  /** Counts one latency, in milliseconds. */
  record(ms: number): void {
    const bucket = latencyBucket(ms);
    const counts = this.#octaves[bucket >> 5] ?? this.#newOctave(bucket >> 5);
    (counts[bucket & 31] as number) += 1;
    this.#total += 1;
  }

  /**
   * Adds counts in the form of {@link toSparse}; exact, in any order.
   *
   * @throws TheseusError `invalid-argument` when they have not that form; nothing is then added.
   */
  merge(sparse: readonly number[]): void {
    if (!isSparseLatency(sparse)) {
      throw new TheseusError(
        'invalid-argument',
        'Cannot merge latencies that are no list of bucket, count, bucket, count …',
      );
    }
    for (let at = 0; at < sparse.length; at += 2) {
      const bucket = sparse[at] as number;
      const count = sparse[at + 1] as number;
      const counts = this.#octaves[bucket >> 5] ?? this.#newOctave(bucket >> 5);
      (counts[bucket & 31] as number) += count;
      this.#total += count;
    }
  }

  /**
   * The latency, in milliseconds, that a share `q` (0 to 1) of all recorded ones does not exceed, by nearest rank;
   * at most 1/64 away from the true one. Undefined while nothing is recorded.
   */
  quantile(q: number): number | undefined {
    return latencyQuantile(this.toSparse(), q);
  }

  /** Bucket, count, bucket, count … of the buckets that counted anything, in ascending order. */
  toSparse(): number[] {
    const sparse: number[] = [];
    for (let octave = 0; octave < OCTAVES; octave += 1) {
      const counts = this.#octaves[octave];
      if (counts === undefined) continue;
      for (let step = 0; step < STEPS_PER_OCTAVE; step += 1) {
        const count = counts[step] as number;
        if (count > 0) sparse.push(octave * STEPS_PER_OCTAVE + step, count);
      }
    }
    return sparse;
  }

  #newOctave(octave: number): Float64Array {
    const counts = new Float64Array(STEPS_PER_OCTAVE);
    this.#octaves[octave] = counts;
    return counts;
  }
}

/** As {@link LatencyHistogram.quantile}, of counts in sparse form and ascending order. */
export function latencyQuantile(sparse: readonly number[], q: number): number | undefined {
  let total = 0;
  for (let at = 1; at < sparse.length; at += 2) total += sparse[at] as number;
  if (total === 0) return undefined;
  const rank = Math.min(total, Math.max(1, Math.ceil(q * total)));
  let seen = 0;
  for (let at = 0; at < sparse.length; at += 2) {
    seen += sparse[at + 1] as number;
    if (seen >= rank) return middleOf(sparse[at] as number);
  }
  return undefined;
}

/** What was recorded between two cumulative states of one histogram; undefined when `later` is not a growth of `earlier`. */
export function latencyDifference(later: readonly number[], earlier: readonly number[]): number[] | undefined {
  const before = new Map<number, number>();
  for (let at = 0; at < earlier.length; at += 2) before.set(earlier[at] as number, earlier[at + 1] as number);
  const grown: number[] = [];
  for (let at = 0; at < later.length; at += 2) {
    const bucket = later[at] as number;
    const growth = (later[at + 1] as number) - (before.get(bucket) ?? 0);
    if (growth < 0) return undefined;
    if (growth > 0) grown.push(bucket, growth);
    before.delete(bucket);
  }
  return before.size === 0 ? grown : undefined;
}

/** Whether a list has the form that {@link LatencyHistogram.toSparse} writes: known buckets, ascending, with positive counts. */
export function isSparseLatency(sparse: readonly unknown[]): sparse is readonly number[] {
  if (sparse.length % 2 !== 0) return false;
  let previous = -1;
  for (let at = 0; at < sparse.length; at += 2) {
    const bucket = sparse[at];
    const count = sparse[at + 1];
    if (!Number.isInteger(bucket) || (bucket as number) <= previous || (bucket as number) >= LATENCY_BUCKETS)
      return false;
    if (!Number.isSafeInteger(count) || (count as number) <= 0) return false;
    previous = bucket as number;
  }
  return true;
}

function middleOf(bucket: number): number {
  const { fromMs, toMs } = bucketBounds(bucket);
  return (fromMs + toMs) / 2;
}
