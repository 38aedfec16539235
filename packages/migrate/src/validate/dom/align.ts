import { anchorsBy } from './anchors.ts';
import type { PageNode } from './page-node.ts';
import { MOVED_WEIGHT_LEAST } from './page-weights.ts';
import { isWrapper, resemblance } from './resemblance.ts';

/** Cells of one table of resemblances; longer gaps are parted by anchors of likeness first. */
const GAP_CELLS_MOST = 4_096;
/** Cells of all tables of a comparison together. */
const CELLS_MOST = 2_000_000;
/** What resembles less is rather lost than changed. */
const RESEMBLANCE_LEAST = 0.3;
/** How often boxes of one list are opened: pages with more boxes within boxes than that lose some. */
const OPENINGS_MOST = 40;
/** By how much what is inside a box must be the better match. */
const OPENING_GAIN = 0.05;

export interface Pair {
  readonly before: PageNode;
  readonly after: PageNode;
}

/** What became of two lists of nodes. */
export interface Alignment {
  readonly pairs: Pair[];
  readonly lost: PageNode[];
  readonly added: PageNode[];
  /** Boxes of either page that were looked through, since what is inside stands on the other page without. */
  readonly openedBefore: PageNode[];
  readonly openedAfter: PageNode[];
}

/** What all lists of one comparison share: a budget, so that no page can make it slow. */
export interface AlignBudget {
  cells: number;
}

export function newAlignBudget(): AlignBudget {
  return { cells: CELLS_MOST };
}

/** Tells which children became which: equal ones first, in order; between them the most alike. */
export function alignLists(before: readonly PageNode[], after: readonly PageNode[], budget: AlignBudget): Alignment {
  const alignment: Alignment = { pairs: [], lost: [], added: [], openedBefore: [], openedAfter: [] };
  const anchors = anchorsBy(before, after, ({ identity }) => identity);
  const [gonePlaces, newPlaces] = [identitiesLeft(before, anchors, 'before'), identitiesLeft(after, anchors, 'after')];
  eachGap(before, after, anchors, alignment.pairs, (one, other) => {
    // What stands elsewhere in the same list has moved: nothing that only resembles it may take its place.
    const [keptBefore, keptAfter] = [
      setAside(one, newPlaces, alignment.lost),
      setAside(other, gonePlaces, alignment.added),
    ];
    alignGap(keptBefore, keptAfter, alignment, budget);
  });
  return alignment;
}

function identitiesLeft(
  nodes: readonly PageNode[],
  anchors: ReturnType<typeof anchorsBy>,
  side: keyof Pair,
): ReadonlySet<number> {
  const anchored = new Set(anchors.map((anchor) => anchor[side]));
  return new Set(nodes.filter((_, at) => !anchored.has(at)).map(({ identity }) => identity));
}

function setAside(nodes: readonly PageNode[], elsewhere: ReadonlySet<number>, aside: PageNode[]): readonly PageNode[] {
  return nodes.filter((node) => {
    const hasMoved = node.weight >= MOVED_WEIGHT_LEAST && elsewhere.has(node.identity);
    if (hasMoved) aside.push(node);
    return !hasMoved;
  });
}

/** Gives the pairs of the anchors, and what lies between them to `onGap`. */
function eachGap(
  before: readonly PageNode[],
  after: readonly PageNode[],
  anchors: ReturnType<typeof anchorsBy>,
  pairs: Pair[],
  onGap: (before: readonly PageNode[], after: readonly PageNode[]) => void,
): void {
  let [at, by] = [0, 0];
  for (const anchor of [...anchors, { before: before.length, after: after.length }]) {
    if (at < anchor.before || by < anchor.after) onGap(before.slice(at, anchor.before), after.slice(by, anchor.after));
    const [one, other] = [before[anchor.before], after[anchor.after]];
    if (one !== undefined && other !== undefined) pairs.push({ before: one, after: other });
    [at, by] = [anchor.before + 1, anchor.after + 1];
  }
}

function alignGap(
  before: readonly PageNode[],
  after: readonly PageNode[],
  alignment: Alignment,
  budget: AlignBudget,
): void {
  let [one, other] = [before, after];
  for (let opening = 0; ; opening += 1) {
    const found = pairById(one, other, budget);
    const [boxesBefore, boxesAfter] = boxesToOpen(found, one, other, budget);
    if (opening === OPENINGS_MOST || (boxesBefore.size === 0 && boxesAfter.size === 0)) {
      append(alignment.pairs, found.pairs);
      append(alignment.lost, found.lost);
      append(alignment.added, found.added);
      return;
    }
    append(alignment.openedBefore, boxesBefore);
    append(alignment.openedAfter, boxesAfter);
    one = opened(one, boxesBefore);
    other = opened(other, boxesAfter);
  }
}

/** A call with 200 000 arguments would overflow the stack. */
function append<Item>(list: Item[], more: Iterable<Item>): void {
  for (const item of more) list.push(item);
}

function opened(nodes: readonly PageNode[], boxes: ReadonlySet<PageNode>): readonly PageNode[] {
  return nodes.flatMap((node) => (boxes.has(node) ? node.children : [node]));
}

interface PairedUp {
  readonly pairs: readonly Pair[];
  readonly lost: readonly PageNode[];
  readonly added: readonly PageNode[];
}

function boxesToOpen(
  found: PairedUp,
  before: readonly PageNode[],
  after: readonly PageNode[],
  budget: AlignBudget,
): readonly [ReadonlySet<PageNode>, ReadonlySet<PageNode>] {
  return [
    boxesOfSide(found.lost, after, found, 'before', budget),
    boxesOfSide(found.added, before, found, 'after', budget),
  ];
}

/** Boxes left over that hold what the other side shows bare, and boxes that were paired though something inside fits better. */
function boxesOfSide(
  left: readonly PageNode[],
  others: readonly PageNode[],
  { pairs, lost, added }: PairedUp,
  side: keyof Pair,
  budget: AlignBudget,
): Set<PageNode> {
  const bare = side === 'before' ? added : lost;
  const about = new Set(bare.flatMap(({ features }) => features));
  const boxes = left.filter((node) => isWrapper(node) && node.features.some((feature) => about.has(feature)));
  const paired = pairs.flatMap((pair) => {
    const node = pair[side];
    return isWrapper(node) && holdsBetter(node, pair, others, budget) ? [node] : [];
  });
  return new Set([...boxes, ...paired]);
}

function holdsBetter(
  box: PageNode,
  { before, after }: Pair,
  others: readonly PageNode[],
  budget: AlignBudget,
): boolean {
  if (
    before.identity === after.identity ||
    haveOneId(before, after) ||
    box.children.length * others.length > GAP_CELLS_MOST / 16
  )
    return false;
  budget.cells -= box.children.length * others.length;
  if (budget.cells < 0) return false;
  const guess = resemblance(before, after);
  const partner = box === before ? after : before;
  return insideOf(box).some((inner) => resemblance(inner, partner) > guess + OPENING_GAIN);
}

function haveOneId(before: PageNode, after: PageNode): boolean {
  const id = before.attributes.get('id');
  return id !== undefined && id === after.attributes.get('id');
}

/** What is in a box, and in boxes around that alone. */
function insideOf(box: PageNode): readonly PageNode[] {
  const found = [...box.children];
  let only = box.children.length === 1 ? box.children[0] : undefined;
  for (let level = 0; only !== undefined && isWrapper(only) && level < OPENINGS_MOST; level += 1) {
    found.push(...only.children);
    only = only.children.length === 1 ? only.children[0] : undefined;
  }
  return found;
}

/** An id is a name that somebody gave: what bears it on both pages is the same, whatever became of its content. */
function pairById(before: readonly PageNode[], after: readonly PageNode[], budget: AlignBudget): PairedUp {
  const anchors = anchorsBy(before, after, ({ tag, attributes }) => {
    const id = attributes.get('id');
    return id === undefined ? undefined : `${tag} ${id}`;
  });
  return anchors.length === 0
    ? pairUp(before, after, budget, LIKENESS_KEYS)
    : pairBetween(before, after, anchors, budget, LIKENESS_KEYS);
}

function pairUp(
  before: readonly PageNode[],
  after: readonly PageNode[],
  budget: AlignBudget,
  keys: readonly NodeKey[],
): PairedUp {
  if (before.length === 0 || after.length === 0) return { pairs: [], lost: before, added: after };
  const cells = before.length * after.length;
  if (cells <= GAP_CELLS_MOST && cells <= budget.cells) {
    budget.cells -= cells;
    return pairByTable(before, after);
  }
  return pairByLikeness(before, after, budget, keys);
}

/** Too many for a table: what shares a key stands together, and what lies between is short or goes by the next key. */
function pairByLikeness(
  before: readonly PageNode[],
  after: readonly PageNode[],
  budget: AlignBudget,
  [keyOf, ...keys]: readonly NodeKey[],
): PairedUp {
  if (keyOf === undefined) return { pairs: [], lost: before, added: after };
  return pairBetween(before, after, anchorsBy(before, after, keyOf), budget, keys);
}

function pairBetween(
  before: readonly PageNode[],
  after: readonly PageNode[],
  anchors: ReturnType<typeof anchorsBy>,
  budget: AlignBudget,
  keys: readonly NodeKey[],
): PairedUp {
  const found = { pairs: [] as Pair[], lost: [] as PageNode[], added: [] as PageNode[] };
  eachGap(before, after, anchors, found.pairs, (one, other) => {
    const inside = pairUp(one, other, budget, keys);
    append(found.pairs, inside.pairs);
    append(found.lost, inside.lost);
    append(found.added, inside.added);
  });
  return found;
}

function firstFeature({ tag, features }: PageNode): string {
  return `${tag} ${features[0] ?? ''}`;
}

function lastFeature({ tag, features }: PageNode): string {
  return `${tag} ${features.at(-1) ?? ''}`;
}

function tagAndClass({ tag, attributes }: PageNode): string {
  return `${tag} ${attributes.get('class') ?? ''}`;
}

type NodeKey = (node: PageNode) => string;

const LIKENESS_KEYS: readonly NodeKey[] = [firstFeature, lastFeature, tagAndClass];

/** The pairs in order whose resemblance, by weight, sums to the most. */
function pairByTable(before: readonly PageNode[], after: readonly PageNode[]): PairedUp {
  const width = after.length + 1;
  const best = new Float64Array((before.length + 1) * width);
  const gains = new Float64Array((before.length + 1) * width);
  for (let at = before.length - 1; at >= 0; at -= 1) {
    for (let by = after.length - 1; by >= 0; by -= 1) {
      const here = at * width + by;
      gains[here] = gainOf(before[at], after[by]);
      const paired = (gains[here] ?? 0) > 0 ? (gains[here] ?? 0) + (best[here + width + 1] ?? 0) : 0;
      best[here] = Math.max(paired, best[here + width] ?? 0, best[here + 1] ?? 0);
    }
  }
  return readTable(before, after, best, gains);
}

function gainOf(before: PageNode | undefined, after: PageNode | undefined): number {
  if (before === undefined || after === undefined) return 0;
  const guess = resemblance(before, after);
  return guess < RESEMBLANCE_LEAST ? 0 : guess * Math.min(before.weight, after.weight);
}

function readTable(
  before: readonly PageNode[],
  after: readonly PageNode[],
  best: Float64Array,
  gains: Float64Array,
): PairedUp {
  const width = after.length + 1;
  const pairs: Pair[] = [];
  const lost: PageNode[] = [];
  const added: PageNode[] = [];
  let [at, by] = [0, 0];
  while (at < before.length || by < after.length) {
    const here = at * width + by;
    const [one, other] = [before[at], after[by]];
    const gain = gains[here] ?? 0;
    if (one !== undefined && other !== undefined && gain > 0 && best[here] === gain + (best[here + width + 1] ?? 0)) {
      pairs.push({ before: one, after: other });
      at += 1;
      by += 1;
    } else if (one !== undefined && (other === undefined || best[here] === best[here + width])) {
      lost.push(one);
      at += 1;
    } else {
      if (other !== undefined) added.push(other);
      by += 1;
    }
  }
  return { pairs, lost, added };
}
