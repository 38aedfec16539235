/** Empty buckets between two others that are written as noughts rather than by a mark of their own. */
const NOUGHTS = 2;

/**
 * Counts of latencies as they are sent: buckets lie side by side, so each run of them is its first bucket, marked by a
 * sign, and then counts alone. About half as long as buckets and counts in turn.
 *
 * @param sparse bucket, count, bucket, count … in ascending order
 * @example packLatency([312, 4, 313, 9, 315, 1, 400, 2]) // [-313, 4, 9, 0, 1, -401, 2]
 */
export function packLatency(sparse: readonly number[]): number[] {
  const packed: number[] = [];
  let next = Number.NEGATIVE_INFINITY;
  for (let at = 0; at < sparse.length; at += 2) {
    const bucket = sparse[at] as number;
    if (bucket - next > NOUGHTS) packed.push(-bucket - 1);
    else for (; next < bucket; next += 1) packed.push(0);
    packed.push(sparse[at + 1] as number);
    next = bucket + 1;
  }
  return packed;
}

/** Takes {@link packLatency} back. What begins with no mark is bucket and count in turn already, as older SDKs send it. */
export function unpackLatency(packed: readonly number[]): readonly number[] {
  const [first] = packed;
  if (first === undefined || first >= 0) return packed;
  const sparse: number[] = [];
  let bucket = 0;
  for (const value of packed) {
    if (value < 0) bucket = -value - 1;
    else {
      if (value > 0) sparse.push(bucket, value);
      bucket += 1;
    }
  }
  return sparse;
}
