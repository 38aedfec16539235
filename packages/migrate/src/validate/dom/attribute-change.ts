import { isText, type PageNode } from './page-node.ts';
import { isStylesheet } from './page-tree.ts';
import { WRAPPER_TAGS } from './page-weights.ts';

/** What a changed attribute costs, as a share of what its element and the text right inside weigh. */
const COSTS: ReadonlyMap<string, number> = new Map([
  ['src', 0.7],
  ['srcset', 0.2],
  ['href', 0.3],
  ['type', 0.5],
  ['value', 0.5],
  ['checked', 0.5],
  ['selected', 0.5],
  ['disabled', 0.5],
  ['open', 0.5],
  ['placeholder', 0.3],
  ['action', 0.3],
  ['colspan', 0.3],
  ['rowspan', 0.3],
  ['style', 0.2],
  ['alt', 0.1],
  ['title', 0.1],
]);
const OTHER_COST = 0.02;
/** Names of classes come out of builds anew; to lose them all is another thing. */
const CLASS_CHANGED = 0.05;
const CLASS_LOST = 0.25;
const RENAMED_WRAPPER = 0.3;
const RENAMED = 1;
/** A new address of a stylesheet or a script is mostly a new version of the same. */
const NEW_VERSION = 0.05;

export interface AttributeChange {
  readonly cost: number;
  readonly names: readonly string[];
  readonly isRenamed: boolean;
}

/** What differs in the tags of two nodes that became each other. */
export function attributeChange(before: PageNode, after: PageNode): AttributeChange {
  const names = new Set([...before.attributes.keys(), ...after.attributes.keys()]);
  const changed = [...names].filter((name) => before.attributes.get(name) !== after.attributes.get(name));
  const isRenamed = before.tag !== after.tag;
  if (changed.length === 0 && !isRenamed) return { cost: 0, names: [], isRenamed };
  const shares = changed.map((name) => (isVersioned(before) ? NEW_VERSION : shareOf(name, before, after)));
  const share = Math.min(
    1,
    shares.reduce((sum, one) => sum + one, 0),
  );
  return { cost: share * shownHere(before) + (isRenamed ? renamingCost(before, after) : 0), names: changed, isRenamed };
}

function isVersioned(node: PageNode): boolean {
  return node.tag === 'script' || isStylesheet(node);
}

function shareOf(name: string, before: PageNode, after: PageNode): number {
  if (name !== 'class') return COSTS.get(name) ?? OTHER_COST;
  return (after.attributes.get('class') ?? '') === '' && before.attributes.has('class') ? CLASS_LOST : CLASS_CHANGED;
}

function renamingCost(before: PageNode, after: PageNode): number {
  const areWrappers = WRAPPER_TAGS.has(before.tag) && WRAPPER_TAGS.has(after.tag);
  if (before.isInline && after.isInline) return 0.1 * before.own;
  return areWrappers ? RENAMED_WRAPPER * before.own : RENAMED * before.own + 0.1 * textHere(before);
}

function shownHere(node: PageNode): number {
  return node.own + textHere(node);
}

function textHere(node: PageNode): number {
  return node.children.reduce((sum, child) => (isText(child) ? sum + child.own : sum), 0);
}
