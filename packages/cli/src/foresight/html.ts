/** Markup that is safe to write out: made by {@link html} alone. */
export interface Html {
  readonly kind: 'html';
  readonly text: string;
}

/** What may stand in a template. Text and numbers are escaped; nothing else can bring markup in. */
type HtmlValue = Html | string | number | readonly HtmlValue[];

/**
 * A piece of HTML or SVG. Every value is escaped for text and for quoted attributes; attributes must be quoted.
 *
 * @example html`<p title="${title}">${items.map((item) => html`<b>${item}</b>`)}</p>`
 */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  const text = strings.reduce((done, part, index) => `${done}${written(values[index - 1] ?? '')}${part}`);
  return { kind: 'html', text };
}

function written(value: HtmlValue): string {
  if (typeof value === 'string') return escaped(value);
  if (typeof value === 'number') return String(value);
  if (isList(value)) return value.map(written).join('');
  return value.text;
}

function isList(value: Html | readonly HtmlValue[]): value is readonly HtmlValue[] {
  return Array.isArray(value);
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Control characters are no text of any page, and some browsers read them in their own way. */
function escaped(text: string): string {
  return text.replace(/(?![\t\n])\p{Cc}/gu, '').replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
