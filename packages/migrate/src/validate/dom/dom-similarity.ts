import { matchPages, type PageDifference } from './match-pages.ts';
import { isText, type PageNode, ROOT } from './page-node.ts';
import { pageTree } from './page-tree.ts';
import { isDocument, parsePage } from './parse-page.ts';

const TOLD_MOST = 20;
const EXCERPT_MOST = 80;

export interface DomSimilarityOptions {
  /** How many differences are told, the costliest first; 20 unless given, 0 for none. */
  readonly explain?: number;
}

/** One difference, told so that a person finds it on the page. */
export interface ToldDifference {
  readonly kind: PageDifference['kind'];
  /** Where, like `body > main > ul.skills > li:nth-child(3)`; on the page after where something was added, else on the one before. */
  readonly path: string;
  /** By how much it lowers the score. */
  readonly cost: number;
  /** Which attributes, `tag` or `text`. */
  readonly what: readonly string[];
  /** The first 80 characters of the text there; it is the subject's own, so keep it where their page may be kept. */
  readonly before: string;
  readonly after: string;
}

export interface DomSimilarity {
  /** From 0 (nothing is left) to 1 (the same page). */
  readonly score: number;
  readonly explain: readonly ToldDifference[];
}

/**
 * How alike two rendered pages look to a person, by weight of what is on them; nothing is run or loaded. The order of attributes and of
 * classes, comments, and white space between tags are no difference. A piece of a page, such as a row of a table, may be given instead.
 *
 * @throws TheseusError `limit-exceeded` for pages of more than 4 million characters, 200 000 nodes or 6 000 levels
 * @example domSimilarity('<p>Hello</p>', '<p class="big">Hello</p>').score // above 0.9
 */
export function domSimilarity(before: string, after: string, options: DomSimilarityOptions = {}): DomSimilarity {
  const form = isDocument(before) || isDocument(after) ? 'document' : 'fragment';
  const identities = new Map<string, number>();
  const { differences, cost, most } = matchPages(
    pageTree(parsePage(before, form), identities),
    pageTree(parsePage(after, form), identities),
  );
  const score = most === 0 ? 1 : Math.min(1, Math.max(0, 1 - cost / most));
  return { score, explain: told(differences, most, options.explain ?? TOLD_MOST) };
}

function told(differences: readonly PageDifference[], most: number, limit: number): readonly ToldDifference[] {
  const costliest = differences.toSorted((one, other) => other.cost - one.cost).slice(0, limit);
  return costliest.map(({ kind, before, after, cost, what = [] }) => ({
    kind,
    path: pathOf(before ?? after),
    cost: most === 0 ? 0 : cost / most,
    what,
    before: excerpt(before),
    after: excerpt(after),
  }));
}

function pathOf(node: PageNode | undefined): string {
  const steps: string[] = [];
  for (let at = node; at !== undefined && at.tag !== ROOT; at = at.parent) steps.push(stepOf(at));
  const shown = steps.length > 12 ? [...steps.slice(0, 10), '…'] : steps;
  return shown.reverse().join(' > ');
}

function stepOf(node: PageNode): string {
  if (isText(node)) return 'text';
  const tag = node.tag.replace('hidden:', '');
  const id = node.attributes.get('id');
  if (id !== undefined) return `${tag}#${id}`;
  const classes =
    node.attributes
      .get('class')
      ?.split(' ')
      .slice(0, 2)
      .map((name) => `.${name}`)
      .join('') ?? '';
  const elements = node.parent?.children.filter((other) => !isText(other)) ?? [];
  const isOnlyOne = elements.filter((other) => other.tag === node.tag).length <= 1;
  return `${tag}${classes}${isOnlyOne ? '' : `:nth-child(${elements.indexOf(node) + 1})`}`;
}

function excerpt(node: PageNode | undefined): string {
  let text = '';
  const left = node === undefined ? [] : [node];
  for (let at = left.pop(); at !== undefined && text.length < EXCERPT_MOST; at = left.pop()) {
    text += isText(at) ? `${text === '' ? '' : ' '}${at.text.slice(0, EXCERPT_MOST)}` : '';
    for (let child = at.children.length - 1; child >= 0; child -= 1) left.push(...at.children.slice(child, child + 1));
  }
  return text.length > EXCERPT_MOST ? `${text.slice(0, EXCERPT_MOST - 1)}…` : text;
}
