/** What is on a page weighs, in units of a dozen letters of a paragraph or so; see docs/reference/validation.md. */
const CHARACTERS_PER_UNIT = 8;
const TEXT_BASE = 1;
const ELEMENT_WEIGHT = 0.5;
const WRAPPER_WEIGHT = 0.1;

const WEIGHTS: ReadonlyMap<string, number> = new Map([
  ...each(12, ['img', 'video', 'iframe', 'canvas', 'object', 'embed', 'audio', 'svg', 'math']),
  ...each(4, ['input', 'select', 'textarea', 'meter', 'progress']),
  ...each(3, ['button']),
  ...each(2, ['a']),
  ...each(1, ['table', 'form', 'hr', 'dialog']),
  ...each(0.2, [
    'html',
    'head',
    'body',
    'meta',
    'link',
    'source',
    'br',
    'wbr',
    'col',
    'param',
    'base',
    'track',
    'area',
  ]),
  ...each(0.2, ['path', 'g', 'circle', 'rect', 'line', 'defs', 'use', 'polyline', 'polygon', 'ellipse']),
  ...each(0.2, [
    'b',
    'strong',
    'em',
    'i',
    'u',
    's',
    'small',
    'mark',
    'span',
    'font',
    'code',
    'sub',
    'sup',
    'abbr',
    'q',
    'cite',
  ]),
  ...each(0.5, ['script']),
]);

const PROMINENCES: ReadonlyMap<string, number> = new Map([
  ['header', 1.7],
  ['h1', 2.5],
  ['h2', 2],
  ['h3', 1.5],
  ['title', 0.5],
]);

/** Nobody sees it, but a form may need it. */
const HIDDEN_SHARE = 0.1;

/** How much of the rest of a page its boxes count at most: a deep nest of them must not hide what is in it. */
export const WRAPPERS_SHARE_MOST = 0.1;

/** How much of what is to be seen the stylesheets of a page count together. */
export const STYLESHEETS_SHARE = 0.3;

/** Marks on text: with or without them the words are the same. */
export const INLINE_TAGS: ReadonlySet<string> = new Set(
  'b strong em i u s small mark span font code sub sup abbr q cite br wbr'.split(' '),
);

/** Lighter things are everywhere the same: a lone `br` has not moved. */
export const MOVED_WEIGHT_LEAST = 1;

/** Boxes that say nothing themselves: renaming one is hardly a change. */
export const WRAPPER_TAGS: ReadonlySet<string> = new Set(
  'div section article main header footer nav aside figure span p center form fieldset picture html body'.split(' '),
);

export function elementWeight(tag: string, prominence: number, type: string | undefined): number {
  if (tag === 'input' && type === 'hidden') return ELEMENT_WEIGHT * 0.5;
  return (
    (WEIGHTS.get(tag) ?? (WRAPPER_TAGS.has(tag) ? WRAPPER_WEIGHT : ELEMENT_WEIGHT)) *
    (isShown({ prominence }) ? 1 : HIDDEN_SHARE)
  );
}

export function isShown({ prominence }: { readonly prominence: number }): boolean {
  return prominence > HIDDEN_SHARE;
}

export function textWeight(text: string, prominence: number): number {
  return (TEXT_BASE + lettersOf(text) / CHARACTERS_PER_UNIT) * prominence;
}

/** The prominence of what is inside an element, given its own. */
export function prominenceInside(tag: string, outer: number, isHidden: boolean): number {
  if (outer <= HIDDEN_SHARE || isHidden) return HIDDEN_SHARE;
  const own = PROMINENCES.get(tag) ?? 1;
  return own < 1 ? own : Math.max(outer, own);
}

function lettersOf(text: string): number {
  let spaces = 0;
  for (let at = text.indexOf(' '); at !== -1; at = text.indexOf(' ', at + 1)) spaces += 1;
  return text.length - spaces;
}

function each(weight: number, tags: readonly string[]): readonly (readonly [string, number])[] {
  return tags.map((tag) => [tag, weight] as const);
}
