import { type AlignBudget, type Alignment, alignLists, newAlignBudget, type Pair } from './align.ts';
import { attributeChange } from './attribute-change.ts';
import { findMoved } from './find-moved.ts';
import { isText, type PageNode, subtree } from './page-node.ts';
import { changeOfWords, wordsOf } from './words.ts';

export type DifferenceKind = 'added' | 'changed' | 'lost' | 'moved';

/** One difference of two pages, before it is told. */
export interface PageDifference {
  readonly kind: DifferenceKind;
  /** Where it shows; of what was added, on the page after. */
  readonly before: PageNode | undefined;
  readonly after: PageNode | undefined;
  readonly cost: number;
  /** How much of the cost is for what the page before had not. */
  readonly added: number;
  /** Names of attributes, or `tag`. */
  readonly what?: readonly string[];
}

/** What is more on a page than before is no loss, but seen. */
export const ADDED_SHARE = 0.5;
const MOVED_SHARE = 0.5;

export interface PageMatch {
  readonly differences: readonly PageDifference[];
  /** What all differences cost. */
  readonly cost: number;
  /** What the most different page would cost. */
  readonly most: number;
}

interface Matching {
  readonly budget: AlignBudget;
  readonly left: Pair[];
  readonly differences: PageDifference[];
  readonly lost: PageNode[];
  readonly added: PageNode[];
}

/** Follows both pages from the root down; see docs/reference/validation.md for what each difference costs. */
export function matchPages(before: PageNode, after: PageNode): PageMatch {
  const matching: Matching = {
    budget: newAlignBudget(),
    left: [{ before, after }],
    differences: [],
    lost: [],
    added: [],
  };
  walk(matching);
  // What moved is compared inside as well; moves within it are found only one level down, which bounds the work.
  const moved = findMoved(matching.lost.splice(0), matching.added.splice(0), matching.budget);
  for (const pair of moved.pairs) {
    matching.differences.push({ kind: 'moved', ...pair, cost: MOVED_SHARE * pair.before.weight, added: 0 });
    matching.left.push(pair);
  }
  walk(matching);
  for (const { node, weight } of moved.lost) tell(matching, 'lost', node, weight);
  for (const { node, weight } of moved.added) tell(matching, 'added', node, weight);
  for (const node of matching.lost) tell(matching, 'lost', node, node.weight);
  for (const node of matching.added) tell(matching, 'added', node, node.weight);
  return summed(matching.differences, before.weight);
}

function summed(differences: readonly PageDifference[], weight: number): PageMatch {
  const cost = differences.reduce((sum, difference) => sum + difference.cost, 0);
  const added = differences.reduce((sum, difference) => sum + difference.added, 0);
  return { differences, cost, most: weight + added };
}

function tell(matching: Matching, kind: 'added' | 'lost', node: PageNode, weight: number): void {
  if (kind === 'lost') matching.differences.push({ kind, before: node, after: undefined, cost: weight, added: 0 });
  else {
    const cost = ADDED_SHARE * weight;
    matching.differences.push({ kind, before: undefined, after: node, cost, added: cost });
  }
}

function walk(matching: Matching): void {
  for (let pair = matching.left.pop(); pair !== undefined; pair = matching.left.pop()) {
    if (pair.before.identity === pair.after.identity) continue;
    if (isText(pair.before)) compareWords(matching, pair, pair.before.text, pair.after.text);
    else compareElements(matching, pair);
  }
}

function compareElements(matching: Matching, { before, after }: Pair): void {
  const { cost, names, isRenamed } = attributeChange(before, after);
  const what = isRenamed ? ['tag', ...names] : names;
  if (what.length > 0) matching.differences.push({ kind: 'changed', before, after, cost, added: 0, what });
  if (isRunOfText(before) && isRunOfText(after)) return compareRuns(matching, before, after);
  const aligned = alignLists(before.children, after.children, matching.budget);
  take(matching, aligned);
}

function take(matching: Matching, { pairs, lost, added, openedBefore, openedAfter }: Alignment): void {
  for (const pair of pairs) matching.left.push(pair);
  for (const node of lost) matching.lost.push(node);
  for (const node of added) matching.added.push(node);
  for (const node of openedBefore) tell(matching, 'lost', node, node.own);
  for (const node of openedAfter) tell(matching, 'added', node, node.own);
}

function isRunOfText({ children }: PageNode): boolean {
  return children.length > 0 && children.every(({ isInline }) => isInline);
}

/** Marks come and go in a text; what is read are the words. */
function compareRuns(matching: Matching, before: PageNode, after: PageNode): void {
  const [one, other] = [runOf(before), runOf(after)];
  compareWords(matching, { before, after }, one.text, other.text, changeOfMarks(one.marks, other.marks));
}

function runOf(node: PageNode): { readonly text: string; readonly marks: ReadonlyMap<string, number> } {
  const texts: string[] = [];
  const marks = new Map<string, number>();
  for (const inner of subtree(node)) {
    if (isText(inner)) texts.push(inner.text);
    else if (inner !== node) marks.set(inner.tag, (marks.get(inner.tag) ?? 0) + inner.own);
  }
  return { text: texts.join(' '), marks };
}

function changeOfMarks(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): number {
  let change = 0;
  for (const tag of new Set([...before.keys(), ...after.keys()])) {
    change += Math.abs((before.get(tag) ?? 0) - (after.get(tag) ?? 0)) / 2;
  }
  return change;
}

function compareWords(matching: Matching, { before, after }: Pair, one: string, other: string, marks = 0): void {
  const change = changeOfWords(wordsOf(one), wordsOf(other));
  const lost = isCode(before) ? before.own : change.lost * before.weight;
  const added = isCode(before) ? 0 : change.added * ADDED_SHARE * after.weight;
  const cost = Math.min(lost + marks, before.weight) + added;
  matching.differences.push({ kind: 'changed', before, after, cost, added, what: ['text'] });
}

/** Nobody reads it; what it does is beyond a measure of trees. */
function isCode({ tag, parent }: PageNode): boolean {
  return [tag, parent?.tag].some((one) => one === 'script' || one === 'style');
}
