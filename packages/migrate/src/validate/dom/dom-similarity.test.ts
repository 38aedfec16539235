import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CARD, PRICES, PROFILE } from '../../../test-support/dom-pages.ts';
import { domSimilarity } from './dom-similarity.ts';
import { PAGE_LIMITS } from './page-limits.ts';

function score(before: string, after: string): number {
  return domSimilarity(before, after).score;
}

function nested(depth: number, inside: string): string {
  return `${'<div>'.repeat(depth)}${inside}${'</div>'.repeat(depth)}`;
}

function many(count: number, make: (at: number) => string): string {
  return Array.from({ length: count }, (_, at) => make(at)).join('');
}

const html = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom('word', 'two words', 'a longer text of some words', '<img src="/a.png">', '<input name="q">'),
    fc
      .tuple(
        fc.constantFrom('div', 'p', 'section', 'ul', 'li', 'b', 'h2', 'a'),
        fc.array(tie('node'), { maxLength: 4 }),
      )
      .map(([tag, inside]) => `<${tag}>${inside.join(' ')}</${tag}>`),
  ),
})).node;

describe('domSimilarity()', () => {
  test('is from 0 to 1, and 1 for a page beside itself [PX-2]', () => {
    fc.assert(
      fc.property(html, html, (before, after) => {
        const found = score(before, after);
        expect(found).toBeGreaterThanOrEqual(0);
        expect(found).toBeLessThanOrEqual(1);
        expect(score(before, before)).toBe(1);
      }),
    );
  });

  test('is below 1 wherever anything but form differs', () => {
    fc.assert(
      fc.property(html, (page) => {
        expect(score(`<main>${page}</main>`, `<main>${page}<p>One thing more</p></main>`)).toBeLessThan(1);
        expect(score(`<main>${page}<p>One thing</p></main>`, `<main>${page}</main>`)).toBeLessThan(1);
      }),
    );
  });

  test('falls with each further thing that is lost', () => {
    const rows = (count: number) => `<ul>${many(count, (at) => `<li>Entry ${at} of the list</li>`)}</ul>`;
    const scores = [10, 9, 7, 5, 2, 0].map((count) => score(rows(10), rows(count)));
    expect(scores).toEqual(scores.toSorted((one, other) => other - one));
    expect(new Set(scores).size).toBe(scores.length);
  });

  test('costs what is lost by its weight: half the entries are half the page', () => {
    const rows = (count: number) => many(count, (at) => `<p>Entry ${String(at).padStart(2, '0')} says as much</p>`);
    expect(score(rows(20), rows(10))).toBeCloseTo(0.5, 2);
  });

  test('takes what moved for less than what was lost', () => {
    const moved = score('<p>First of all</p><p>Second thing</p>', '<p>Second thing</p><p>First of all</p>');
    expect(moved).toBeGreaterThan(score('<p>First of all</p><p>Second thing</p>', '<p>Second thing</p>'));
    expect(moved).toBeLessThan(1);
  });

  test('finds what moved into another part of the page', () => {
    const { explain } = domSimilarity(
      '<div id="a"><p>The long text that moves about</p></div><div id="b"><p>Stays here</p></div>',
      '<div id="a"></div><div id="b"><p>Stays here</p><p>The long text that moves about</p></div>',
    );
    expect(explain.map(({ kind }) => kind)).toEqual(['moved']);
  });

  test('compares pieces such as rows of a table', () => {
    expect(score('<tr><td>One</td></tr>', '<tr><td>One</td></tr>')).toBe(1);
    expect(score('<tr><td>One</td><td>Two</td></tr>', '<tr><td>One</td></tr>')).toBeLessThan(0.8);
  });

  test('keeps space where a page shows it', () => {
    expect(score('<pre>a  b</pre>', '<pre>a b</pre>')).toBe(1);
    expect(score('<pre>if a\n  b</pre>', '<pre>if a\n  c</pre>')).toBeLessThan(1);
  });

  test('takes a page without anything for one without anything', () => {
    expect(score('', '')).toBe(1);
    expect(score('', '<p>Something</p>')).toBe(0);
    expect(score('<p>Something</p>', '')).toBe(0);
  });

  test('reads writings without spaces by their characters', () => {
    expect(score('<p>今日は天気がとても良いです</p>', '<p>今日は天気がとても悪いです</p>')).toBeGreaterThan(0.8);
  });
});

describe('domSimilarity() explains', () => {
  test('where the costliest differences are, and what was there [PX-2]', () => {
    const { explain, score: found } = domSimilarity(PROFILE, PROFILE.replace(/<ul class="skills">[\s\S]*?<\/ul>/, ''));
    expect(explain).toHaveLength(1);
    expect(explain[0]).toMatchObject({
      kind: 'lost',
      path: 'html > body.theme-light > main > section#skills > ul.skills',
    });
    expect(explain[0]?.before).toMatch(/^Mathematics Translation/);
    expect(1 - (explain[0]?.cost ?? 0)).toBeCloseTo(found);
  });

  test.each([
    ['a text', CARD.replace('39 EUR', '93 EUR'), 'changed', ['text']],
    ['an attribute', CARD.replace('/p/7.png', '/p/8.png'), 'changed', ['src']],
    ['a tag', CARD.replaceAll('h3>', 'h4>'), 'changed', ['tag']],
    ['more', CARD.replace('<button>', '<p>Sold out</p><button>'), 'added', []],
  ])('%s', (_, after, kind, what) => {
    expect(domSimilarity(CARD, after).explain[0]).toMatchObject({ kind, what });
  });

  test('no more than is asked for', () => {
    expect(domSimilarity(PRICES, CARD, { explain: 2 }).explain).toHaveLength(2);
    expect(domSimilarity(PRICES, CARD, { explain: 0 }).explain).toEqual([]);
  });
});

describe('domSimilarity() and pages made to be slow', () => {
  // The work is counted and bounded by budgets; the time-outs of the suite catch what is not.
  test.each([
    ['10 000 siblings, all others', many(10_000, (at) => `<p>a${at} b</p>`), many(10_000, (at) => `<p>c${at} d</p>`)],
    ['10 000 siblings reversed', many(10_000, (at) => `<p>a${at}</p>`), many(10_000, (at) => `<p>a${9_999 - at}</p>`)],
    ['depth 5 000', nested(5_000, 'this text'), nested(5_000, 'that text')],
    ['depth 5 000 beside none', nested(5_000, '<p>text</p>'), '<p>text</p>'],
    ['boxes everywhere', many(5_000, (at) => `<div><p>a${at}</p></div>`), many(5_000, (at) => `<p>a${at}</p>`)],
    ['a text of 400 000 words', 'w '.repeat(400_000), 'v '.repeat(400_000)],
    ['100 000 paragraphs', '<p>a'.repeat(90_000), '<p>b'.repeat(90_000)],
  ])('answers for %s', (_, before, after) => {
    expect(score(before, after)).toBeLessThan(1);
  });

  test.each([
    ['deeper', nested(PAGE_LIMITS.depth + 10, 'x'), 'depth'],
    ['of more nodes', many(20_000, (at) => `<p><b id=${at}>`), 'nodes'],
    ['longer', 'x'.repeat(PAGE_LIMITS.characters + 1), 'characters'],
  ])('refuses a page that is %s', (_, page, what) => {
    expect(() => domSimilarity(page, '')).toThrow(new RegExp(`Cannot compare a page with .* of ${what}: at most`));
  });
});
