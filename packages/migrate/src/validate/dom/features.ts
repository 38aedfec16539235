/** Hashes kept of a subtree: enough to tell a card from its neighbour, and 200 000 nodes fit in memory. */
const FEATURES_MOST = 24;

/** FNV-1a with a last mix, 32 bits: only guesses lean on it, never the measure itself. */
export function featureOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  return (hash ^ (hash >>> 15)) >>> 0;
}

/** The smallest hashes of a set (a bottom-k sketch), sorted. */
export function featuresOf(texts: Iterable<string>): readonly number[] {
  const all = new Set<number>();
  for (const text of texts) all.add(featureOf(text));
  return [...all].sort((one, other) => one - other).slice(0, FEATURES_MOST);
}

/** The sketch of the union of two sets. */
export function joinFeatures(one: readonly number[], other: readonly number[]): readonly number[] {
  if (one.length === 0) return other;
  if (other.length === 0) return one;
  const joined: number[] = [];
  let [at, by] = [0, 0];
  while (joined.length < FEATURES_MOST && (at < one.length || by < other.length)) {
    const [left, right] = [one[at] ?? Infinity, other[by] ?? Infinity];
    joined.push(Math.min(left, right));
    if (left <= right) at += 1;
    if (right <= left) by += 1;
  }
  return joined;
}

/** Which share of the smallest hashes of both is in both: an estimate of how alike the two sets are. */
export function likeness(one: readonly number[], other: readonly number[]): number {
  let [at, by, seen, both] = [0, 0, 0, 0];
  while (seen < FEATURES_MOST && (at < one.length || by < other.length)) {
    const [left, right] = [one[at] ?? Infinity, other[by] ?? Infinity];
    if (left === right) both += 1;
    if (left <= right) at += 1;
    if (right <= left) by += 1;
    seen += 1;
  }
  return seen === 0 ? 0 : both / seen;
}
