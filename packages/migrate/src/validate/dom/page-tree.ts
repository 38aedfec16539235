import type { DefaultTreeAdapterTypes } from 'parse5';
import { featuresOf, joinFeatures } from './features.ts';
import { isText, type PageNode, ROOT, TEXT } from './page-node.ts';
import {
  elementWeight,
  INLINE_TAGS,
  prominenceInside,
  STYLESHEETS_SHARE,
  textWeight,
  WRAPPER_TAGS,
  WRAPPERS_SHARE_MOST,
} from './page-weights.ts';
import { wordsOf } from './words.ts';

type ParsedNode = DefaultTreeAdapterTypes.Node;
type ParsedElement = DefaultTreeAdapterTypes.Element;

/** Numbers for texts: the same for the same text, whichever page it is on. */
export type Identities = Map<string, number>;

/** Never shown, and told by nothing that is. */
const LEFT_OUT: ReadonlySet<string> = new Set(['noscript', 'template']);
const KEEPS_SPACE: ReadonlySet<string> = new Set(['pre', 'textarea', 'script', 'style']);
const THINGS: readonly string[] = ['id', 'src', 'href', 'name', 'alt', 'value'];

interface Draft extends PageNode {
  children: PageNode[];
}

/** A page as it is compared: without comments, white space between tags and the order of attributes. */
export function pageTree(parsed: DefaultTreeAdapterTypes.ParentNode, identities: Identities): PageNode {
  const root = draft(ROOT, '', new Map(), undefined, 1);
  const all: Draft[] = [root];
  const left: { readonly node: Draft; readonly parsed: readonly ParsedNode[]; readonly keepsSpace: boolean }[] = [
    { node: root, parsed: parsed.childNodes, keepsSpace: false },
  ];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    for (const child of shownNodes(next.parsed, next.keepsSpace)) {
      const node = typeof child === 'string' ? textNode(child, next.node) : elementNode(child, next.node);
      next.node.children.push(node);
      all.push(node);
      if (typeof child === 'string') continue;
      left.push({ node, parsed: child.childNodes, keepsSpace: next.keepsSpace || KEEPS_SPACE.has(node.tag) });
    }
  }
  weighWrappers(all);
  weighStylesheets(all);
  finish(all, identities);
  return root;
}

/** Texts that only a comment parts are one. */
function* shownNodes(nodes: readonly ParsedNode[], keepsSpace: boolean): Generator<ParsedElement | string> {
  let text = '';
  for (const node of nodes) {
    if (node.nodeName === '#text') text += (node as DefaultTreeAdapterTypes.TextNode).value;
    else if ('tagName' in node && !LEFT_OUT.has(node.tagName)) {
      yield* folded(text, keepsSpace);
      text = '';
      yield node;
    }
  }
  yield* folded(text, keepsSpace);
}

function* folded(text: string, keepsSpace: boolean): Generator<string> {
  const shown = keepsSpace ? text.replace(/\r\n?/g, '\n') : text.replace(/[\t\n\f\r ]+/g, ' ').trim();
  if (shown.trim() !== '') yield shown;
}

function textNode(text: string, parent: Draft): Draft {
  const node = draft(TEXT, text, new Map(), parent, parent.prominence);
  // Nobody reads the source of a script.
  node.own = parent.tag === 'script' || parent.tag === 'style' ? 0.2 : textWeight(text, parent.prominence);
  return node;
}

function elementNode(parsed: ParsedElement, parent: Draft): Draft {
  const attributes = normalised(parsed.attrs);
  const isHidden = hides(attributes);
  const tag = isHidden ? `hidden:${parsed.tagName}` : parsed.tagName;
  const prominence = prominenceInside(parsed.tagName, parent.prominence, isHidden);
  const node = draft(tag, '', attributes, parent, prominence);
  node.own = elementWeight(parsed.tagName, prominence, attributes.get('type'));
  return node;
}

function draft(
  tag: string,
  text: string,
  attributes: ReadonlyMap<string, string>,
  parent: PageNode | undefined,
  prominence: number,
): Draft {
  return {
    tag,
    text,
    attributes,
    parent,
    children: [],
    prominence,
    own: 0,
    weight: 0,
    identity: 0,
    features: [],
    isInline: false,
  };
}

function normalised(attributes: ParsedElement['attrs']): ReadonlyMap<string, string> {
  const pairs = attributes.map(({ name, value }) => [name, normalisedValue(name, value)] as const);
  return new Map(pairs.sort(([one], [other]) => (one < other ? -1 : 1)));
}

function normalisedValue(name: string, value: string): string {
  const text = value.replace(/\s+/g, ' ').trim();
  if (name === 'class') return [...new Set(text.split(' '))].sort().join(' ');
  if (name !== 'style') return text;
  return text
    .split(';')
    .map((rule) => rule.replace(/\s*:\s*/, ':').trim())
    .filter((rule) => rule !== '')
    .join(';');
}

function hides(attributes: ReadonlyMap<string, string>): boolean {
  if (attributes.has('hidden')) return true;
  const style = attributes.get('style');
  return style !== undefined && /(?:^|;)(?:display:none|visibility:hidden)\b/i.test(style);
}

function weighWrappers(all: readonly Draft[]): void {
  const wrappers = all.filter(({ tag }) => WRAPPER_TAGS.has(tag));
  const boxes = sumOfOwn(wrappers);
  const most = (sumOfOwn(all) - boxes) * WRAPPERS_SHARE_MOST;
  if (most === 0 || boxes <= most) return;
  for (const wrapper of wrappers) wrapper.own *= most / boxes;
}

function sumOfOwn(nodes: readonly PageNode[]): number {
  return nodes.reduce((sum, node) => sum + node.own, 0);
}

/** Without its stylesheets a page is another one, however little a link weighs. */
function weighStylesheets(all: readonly Draft[]): void {
  const sheets = all.filter(isStylesheet);
  if (sheets.length === 0) return;
  const seen = sumOfOwn(all);
  for (const sheet of sheets) sheet.own = (seen * STYLESHEETS_SHARE) / sheets.length;
}

export function isStylesheet({ tag, attributes }: PageNode): boolean {
  return tag === 'style' || (tag === 'link' && /\bstylesheet\b/i.test(attributes.get('rel') ?? ''));
}

/** Children before parents, so that each node finds what it holds. */
function finish(all: readonly Draft[], identities: Identities): void {
  for (let at = all.length - 1; at >= 0; at -= 1) {
    const node = all[at];
    if (node === undefined) continue;
    node.weight = node.children.reduce((sum, child) => sum + child.weight, node.own);
    node.identity = numberOf(identities, keyOf(node));
    node.features = node.children.reduce((joined, child) => joinFeatures(joined, child.features), ownFeatures(node));
    node.isInline = isText(node) || (INLINE_TAGS.has(node.tag) && node.children.every((child) => child.isInline));
  }
}

function keyOf(node: PageNode): string {
  if (isText(node)) return `#${node.text}`;
  const attributes = JSON.stringify([...node.attributes]);
  return `<${node.tag} ${attributes} ${node.children.map((child) => child.identity).join(' ')}`;
}

function numberOf(identities: Identities, key: string): number {
  const known = identities.get(key);
  if (known !== undefined) return known;
  identities.set(key, identities.size + 1);
  return identities.size;
}

function ownFeatures(node: PageNode): readonly number[] {
  if (isText(node)) return featuresOf(wordsOf(node.text));
  const things = THINGS.flatMap((name) => {
    const value = node.attributes.get(name);
    return value === undefined ? [] : [`${name}=${value}`];
  });
  const isThing = !WRAPPER_TAGS.has(node.tag) && !INLINE_TAGS.has(node.tag);
  return featuresOf(isThing ? [`<${node.tag}`, ...things] : things);
}
