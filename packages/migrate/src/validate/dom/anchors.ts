import type { PageNode } from './page-node.ts';

/** A node of the page before and the one of the page after that it became; places in their lists. */
export interface Anchor {
  readonly before: number;
  readonly after: number;
}

/**
 * The heaviest chain of nodes with equal keys that stand in the same order in both lists. The first node with a key goes with the first
 * one there, the second with the second; so n nodes take n log n, where a table of all pairs would take n².
 */
export function anchorsBy(
  before: readonly PageNode[],
  after: readonly PageNode[],
  keyOf: (node: PageNode) => number | string | undefined,
): readonly Anchor[] {
  const places = new Map<number | string, number[]>();
  for (const [at, node] of after.entries()) {
    const key = keyOf(node);
    if (key === undefined) continue;
    const list = places.get(key);
    if (list === undefined) places.set(key, [at]);
    else list.push(at);
  }
  const used = new Map<number | string, number>();
  const anchors: Anchor[] = [];
  for (const [at, node] of before.entries()) {
    const key = keyOf(node);
    if (key === undefined) continue;
    const turn = used.get(key) ?? 0;
    const place = places.get(key)?.[turn];
    used.set(key, turn + 1);
    if (place !== undefined) anchors.push({ before: at, after: place });
  }
  return heaviestChain(anchors, after.length, ({ before: at }) => before[at]?.weight ?? 0);
}

interface Chain {
  readonly weight: number;
  readonly anchor: Anchor;
  readonly above: Chain | undefined;
}

/** The chain rising on both sides with the most weight, by a tree of best ends so far. */
function heaviestChain(
  anchors: readonly Anchor[],
  places: number,
  weightOf: (anchor: Anchor) => number,
): readonly Anchor[] {
  const best: (Chain | undefined)[] = Array.from({ length: places + 1 });
  for (const anchor of anchors) {
    let above: Chain | undefined;
    for (let at = anchor.after; at > 0; at -= at & -at) above = heavier(above, best[at]);
    const chain: Chain = { weight: (above?.weight ?? 0) + weightOf(anchor) + 1e-6, anchor, above };
    for (let at = anchor.after + 1; at <= places; at += at & -at) best[at] = heavier(best[at], chain);
  }
  let last: Chain | undefined;
  for (let at = places; at > 0; at -= at & -at) last = heavier(last, best[at]);
  const rising: Anchor[] = [];
  for (let chain = last; chain !== undefined; chain = chain.above) rising.push(chain.anchor);
  return rising.reverse();
}

function heavier(one: Chain | undefined, other: Chain | undefined): Chain | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return other.weight > one.weight ? other : one;
}
