import { likeness } from './features.ts';
import { isText, type PageNode } from './page-node.ts';
import { WRAPPER_TAGS } from './page-weights.ts';

/** Elements that are a thing of their own: a picture never becomes a field. */
const ATOMS: ReadonlySet<string> = new Set(
  'img video iframe canvas object embed audio svg math input select textarea script style link meta title head html body hr br'.split(
    ' ',
  ),
);

/** How likely one node became the other, from 0 (never) to 1: a guess by what both are about, which only pairs them. */
export function resemblance(before: PageNode, after: PageNode): number {
  if (before.identity === after.identity) return 1;
  if (isText(before) !== isText(after)) return 0;
  const alike = likeness(before.features, after.features);
  if (isText(before)) return 0.3 + 0.7 * alike;
  if (before.tag !== after.tag) return mayBeRenamed(before, after) ? alike * 0.8 : 0;
  const id = before.attributes.get('id');
  if (id !== undefined && id === after.attributes.get('id')) return 0.6 + 0.4 * alike;
  const isOfSameClass = before.attributes.get('class') === after.attributes.get('class');
  return 0.1 + (isOfSameClass ? 0.1 : 0) + 0.8 * alike + (ATOMS.has(before.tag) ? 0.15 : 0);
}

export function mayBeRenamed(before: PageNode, after: PageNode): boolean {
  const hidesOne = before.tag.startsWith('hidden:') !== after.tag.startsWith('hidden:');
  return !hidesOne && !ATOMS.has(before.tag) && !ATOMS.has(after.tag);
}

/** A box that can be taken away with nothing lost but itself. */
export function isWrapper(node: PageNode): boolean {
  return WRAPPER_TAGS.has(node.tag) && node.children.length > 0;
}
