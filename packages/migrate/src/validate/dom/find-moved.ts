import type { AlignBudget, Pair } from './align.ts';
import { isText, type PageNode, subtree } from './page-node.ts';
import { isShown, MOVED_WEIGHT_LEAST } from './page-weights.ts';
import { resemblance } from './resemblance.ts';

const MOVED_RESEMBLANCE_LEAST = 0.6;
/** Of what is alike but not equal, the heaviest are tried. */
const CANDIDATES_MOST = 200;

/** A node that is gone or new, without those parts of it that were found elsewhere. */
export interface Remainder {
  readonly node: PageNode;
  readonly weight: number;
}

export interface Moved {
  readonly pairs: readonly Pair[];
  readonly lost: readonly Remainder[];
  readonly added: readonly Remainder[];
}

/** Finds on one page what was lost from its place on the other: equal subtrees first, the largest; then those most alike. */
export function findMoved(lost: readonly PageNode[], added: readonly PageNode[], budget: AlignBudget): Moved {
  const free = freeByIdentity(added);
  const taken = new Set<PageNode>();
  const pairs: Pair[] = [];
  const goneBefore = new Map<PageNode, number>();
  for (const root of byWeight(lost)) matchEqual(root, free, taken, goneBefore, pairs);
  const left = byWeight(lost.filter((node) => !goneBefore.has(node))).slice(0, CANDIDATES_MOST);
  const open = byWeight(added.filter((node) => !holdsTaken(node, taken))).slice(0, CANDIDATES_MOST);
  for (const pair of mostAlike(left, open, budget)) {
    pairs.push(pair);
    goneBefore.set(pair.before, 0);
    taken.add(pair.after);
  }
  return {
    pairs,
    lost: lost
      .map((node) => ({ node, weight: goneBefore.get(node) ?? node.weight }))
      .filter(({ weight }) => weight > 0),
    added: added.map((node) => ({ node, weight: weightWithout(node, taken) })).filter(({ weight }) => weight > 0),
  };
}

function byWeight(nodes: readonly PageNode[]): readonly PageNode[] {
  return nodes.filter(({ weight }) => weight >= MOVED_WEIGHT_LEAST).sort((one, other) => other.weight - one.weight);
}

function freeByIdentity(added: readonly PageNode[]): Map<string, PageNode[]> {
  const free = new Map<string, PageNode[]>();
  for (const root of added) {
    for (const node of subtree(root)) {
      if (node.weight < MOVED_WEIGHT_LEAST) continue;
      const list = free.get(placeKey(node));
      if (list === undefined) free.set(placeKey(node), [node]);
      else list.push(node);
    }
  }
  return free;
}

/** What was to be seen and is hidden now has not moved: it is gone. */
function placeKey(node: PageNode): string {
  return `${isShown(node) ? '' : 'hidden '}${node.identity}`;
}

/** From the top down, so that a part is looked for by itself only where the whole is nowhere. */
function matchEqual(
  root: PageNode,
  free: Map<string, PageNode[]>,
  taken: Set<PageNode>,
  goneBefore: Map<PageNode, number>,
  pairs: Pair[],
): void {
  const left = [root];
  let weight = root.weight;
  for (let node = left.pop(); node !== undefined; node = left.pop()) {
    if (node.weight < MOVED_WEIGHT_LEAST) continue;
    const after = takeFree(free.get(placeKey(node)), taken);
    if (after === undefined) {
      for (const child of node.children) left.push(child);
      continue;
    }
    for (const inner of subtree(after)) taken.add(inner);
    pairs.push({ before: node, after });
    weight -= node.weight;
  }
  if (weight < root.weight) goneBefore.set(root, Math.max(0, weight));
}

/** Lists hold children after their parents, and a taken one takes all below it along. */
function takeFree(list: PageNode[] | undefined, taken: ReadonlySet<PageNode>): PageNode | undefined {
  while (list !== undefined && list.length > 0) {
    const node = list.shift();
    if (node !== undefined && !taken.has(node)) return node;
  }
  return undefined;
}

function holdsTaken(root: PageNode, taken: ReadonlySet<PageNode>): boolean {
  for (const node of subtree(root)) if (taken.has(node)) return true;
  return false;
}

function weightWithout(root: PageNode, taken: ReadonlySet<PageNode>): number {
  if (taken.size === 0) return root.weight;
  let weight = 0;
  const left = [root];
  for (let node = left.pop(); node !== undefined; node = left.pop()) {
    if (taken.has(node)) continue;
    weight += node.own;
    for (const child of node.children) left.push(child);
  }
  return weight;
}

function mostAlike(lost: readonly PageNode[], added: readonly PageNode[], budget: AlignBudget): readonly Pair[] {
  if (lost.length * added.length > budget.cells) return [];
  budget.cells -= lost.length * added.length;
  const guesses: (Pair & { readonly guess: number })[] = [];
  for (const before of lost) {
    for (const after of added) {
      const guess = isText(before) || isShown(before) !== isShown(after) ? 0 : resemblance(before, after);
      if (guess >= MOVED_RESEMBLANCE_LEAST) guesses.push({ before, after, guess });
    }
  }
  guesses.sort((one, other) => other.guess - one.guess);
  const used = new Set<PageNode>();
  return guesses.filter(({ before, after }) => {
    if (used.has(before) || used.has(after)) return false;
    used.add(before).add(after);
    return true;
  });
}
