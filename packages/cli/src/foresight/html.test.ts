import { describe, expect, it } from 'vitest';
import { html } from './html.ts';

describe('html', () => {
  it.each([
    ['<script>', '&lt;script&gt;'],
    ['"><img src=x onerror=alert(1)>', '&quot;&gt;&lt;img src=x onerror=alert(1)&gt;'],
    ["' onload='x", '&#39; onload=&#39;x'],
    ['&lt;', '&amp;lt;'],
    ['a\u0000b\u001b[31m\u0085c', 'ab[31mc'],
    ['two\nlines\tand a tab', 'two\nlines\tand a tab'],
  ])('writes %j as text only', (text, expected) => expect(html`${text}`.text).toBe(expected));

  it('escapes inside of lists and of templates in templates, and once only', () => {
    const items = ['<', '&'].map((item) => html`<li title="${item}">${item}</li>`);
    expect(html`<ul>${items}</ul>${[1, 2]}`.text).toBe(
      '<ul><li title="&lt;">&lt;</li><li title="&amp;">&amp;</li></ul>12',
    );
  });
});
