/** A text or an element of a page that is compared. */
export interface PageNode {
  /** `#text` for a text, `#page` for the root. */
  readonly tag: string;
  /** Of a text: with white space folded. */
  readonly text: string;
  /** Of an element: names sorted, classes sorted, white space folded. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly parent: PageNode | undefined;
  readonly children: readonly PageNode[];
  /** By how much a character of its text counts more than one of a paragraph. */
  readonly prominence: number;
  /** What it weighs without its children. */
  own: number;
  /** What it weighs with all below it. */
  weight: number;
  /** The same number, for nodes of both pages, exactly where all of it is the same. */
  identity: number;
  /** The smallest hashes of its words and things, sorted: what it is about. */
  features: readonly number[];
  /** A text, or marks on text, such as `em`, with nothing else inside. */
  isInline: boolean;
}

export const TEXT = '#text';
export const ROOT = '#page';

export function isText(node: PageNode): boolean {
  return node.tag === TEXT;
}

/** Each node with all below it, parents first; no recursion, since pages can be deep. */
export function* subtree(root: PageNode): Generator<PageNode> {
  const left = [root];
  for (let node = left.pop(); node !== undefined; node = left.pop()) {
    yield node;
    for (let at = node.children.length - 1; at >= 0; at -= 1) {
      const child = node.children[at];
      if (child !== undefined) left.push(child);
    }
  }
}
