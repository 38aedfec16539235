import { ARTICLE, CARD, DASHBOARD, LONG_LIST, PRICES, PROFILE } from './dom-pages.ts';

/** What a person says who sees both pages; each was written down before any score had been seen. */
export type Label = 'identical' | 'looks-the-same' | 'small-loss' | 'visible-damage' | 'broken';

export interface LabelledPair {
  readonly name: string;
  readonly label: Label;
  readonly before: string;
  readonly after: string;
}

type Edit = (page: string) => string;

/** Replaces what must be there, so that a typing error cannot turn a pair into an identical one. */
function swap(from: RegExp | string, to: string): Edit {
  return (page) => {
    const changed = typeof from === 'string' ? page.replace(from, () => to) : page.replace(from, to);
    if (changed === page) throw new Error(`Cannot find ${from} in the page`);
    return changed;
  };
}

function pair(name: string, label: Label, before: string, ...edits: readonly Edit[]): LabelledPair {
  return { name, label, before, after: edits.reduce((page, edit) => edit(page), before) };
}

const WORK = /<section id="work">[\s\S]*?<\/section>/;
const SKILLS = /<section id="skills">[\s\S]*?<\/section>/;
const ERROR_PAGE = '<!doctype html><html><body><h1>500</h1><p>Something went wrong</p></body></html>';
const LOGIN_PAGE =
  '<!doctype html><html><head><title>Sign in</title></head><body><form><h1>Sign in</h1><input name="user"><input name="password" type="password"><button>Sign in</button></form></body></html>';

/** The measure was made with these in sight. */
export const TUNED_PAIRS: readonly LabelledPair[] = [
  pair('the same page', 'identical', PROFILE),
  pair('attributes in another order', 'identical', PROFILE, swap('class="top" id="top"', 'id="top" class="top"')),
  pair('classes in another order', 'identical', PROFILE, swap('portrait round', 'round portrait')),
  pair('lines joined', 'identical', PROFILE, swap(/>\s+</g, '><')),
  pair('comments added', 'identical', PROFILE, swap('<main>', '<!-- made by builder 7 --><main>')),
  pair('tags in capitals', 'identical', CARD, swap('<h3>', '<H3>'), swap('</h3>', '</H3>')),
  pair('entities for characters', 'identical', PROFILE, swap('–', '&ndash;')),
  pair('ids renamed', 'looks-the-same', PROFILE, swap('id="top"', 'id="head"')),
  pair('data attributes added', 'looks-the-same', CARD, swap('<h3>', '<h3 data-slot="title">')),
  pair(
    'a wrapper around all',
    'looks-the-same',
    PROFILE,
    swap('<main>', '<main><div>'),
    swap('</main>', '</div></main>'),
  ),
  pair(
    'a wrapper taken out',
    'looks-the-same',
    DASHBOARD,
    swap('<div class="shell">', ''),
    swap('</div></div>', '</div>'),
  ),
  pair('sections as divs', 'looks-the-same', PROFILE, swap(/<(\/?)section/g, '<$1div')),
  pair('a new form token', 'looks-the-same', PROFILE, swap('value="t-1"', 'value="t-2"')),
  pair('one entry of sixty lost', 'looks-the-same', LONG_LIST, swap(/<li>Entry 31:.*?<\/li>/, '')),
  pair('one word of a long text mended', 'looks-the-same', ARTICLE, swap('reckoned', 'computed')),
  pair('the footer lost', 'looks-the-same', PROFILE, swap(/<footer>.*?<\/footer>/, '')),
  pair('one skill of six lost', 'looks-the-same', PROFILE, swap('<li>Horse riding</li>', '')),
  pair('the tagline lost', 'small-loss', PROFILE, swap(/<p class="tagline">.*?<\/p>/, '')),
  pair('the navigation lost', 'small-loss', PROFILE, swap(/<nav>.*?<\/nav>/, '')),
  pair('the portrait lost', 'small-loss', PROFILE, swap(/<img[^>]*>/, '')),
  pair('one article of three lost', 'small-loss', PROFILE, swap(/<article><h3>Diff.*?<\/article>/, '')),
  pair('sections in another order', 'small-loss', PROFILE, (page) => {
    const [work, skills] = [WORK.exec(page)?.[0] ?? '', SKILLS.exec(page)?.[0] ?? ''];
    return page
      .replace(WORK, '@')
      .replace(SKILLS, () => work)
      .replace('@', () => skills);
  }),
  pair('a caption lost', 'small-loss', ARTICLE, swap(/<figcaption>.*?<\/figcaption>/, '')),
  pair('six of sixty entries lost', 'small-loss', LONG_LIST, swap(/<li>Entry 2[0-5]:.*?<\/li>/g, '')),
  pair('a whole section lost', 'visible-damage', PROFILE, swap(WORK, '')),
  pair('no stylesheet', 'visible-damage', PROFILE, swap(/<link rel="stylesheet"[^>]*>/, '')),
  pair(
    'half a price list lost',
    'visible-damage',
    PRICES,
    swap(/<tr><td>Starter.*?<\/tr>/, ''),
    swap(/<tr><td>Team.*?<\/tr>/, ''),
  ),
  pair('a card without picture', 'visible-damage', CARD, swap(/<img[^>]*>/, '')),
  pair('half of sixty entries lost', 'visible-damage', LONG_LIST, swap(/<li>Entry [1-3]\d:.*?<\/li>/g, '')),
  pair(
    'work and skills hidden',
    'visible-damage',
    PROFILE,
    swap('<section id="work">', '<section id="work" hidden>'),
    swap('<section id="skills">', '<section id="skills" hidden>'),
  ),
  pair('an error page', 'broken', PROFILE, () => ERROR_PAGE),
  pair('an empty page', 'broken', PROFILE, () => '<!doctype html><html><body></body></html>'),
  pair('another article altogether', 'broken', ARTICLE, () => CARD),
  pair('nothing but the frame', 'broken', DASHBOARD, () => '<div id="app"><div class="shell"></div></div>'),
];

/** The measure was made without looking at these: their first scores are in docs/reference/validation.md. */
export const HELD_OUT_PAIRS: readonly LabelledPair[] = [
  pair('the same table', 'identical', PRICES),
  pair('indented anew', 'identical', DASHBOARD, swap(/\n\s*/g, '\n\t\t')),
  pair('single quotes', 'identical', CARD, swap('class="card"', "class='card'")),
  pair('optional end tags left out', 'identical', PRICES, swap(/<\/t[dh]>/g, '')),
  pair('a comment within a text', 'identical', ARTICLE, swap('harbour answers', 'harbour <!-- sic -->answers')),
  pair('class names of a build', 'looks-the-same', DASHBOARD, swap('class="tiles"', 'class="tiles_x7f3"')),
  pair('strong for b', 'looks-the-same', DASHBOARD, swap(/<(\/?)b>/g, '<$1strong>')),
  pair(
    'roles and labels for readers',
    'looks-the-same',
    PROFILE,
    swap('<nav>', '<nav role="navigation" aria-label="Main">'),
  ),
  pair(
    'two wrappers around an article',
    'looks-the-same',
    ARTICLE,
    swap('<article>', '<div><div><article>'),
    swap('</article>', '</article></div></div>'),
  ),
  pair('another script', 'looks-the-same', PROFILE, swap('/app.js', '/app.2.js')),
  pair('a name spelt anew in one place', 'looks-the-same', PROFILE, swap('Horse riding', 'Horseback riding')),
  pair(
    'a hidden field more',
    'looks-the-same',
    PROFILE,
    swap('<label>Your', '<input type="hidden" name="slot" value="9"><label>Your'),
  ),
  pair('emphasis lost', 'looks-the-same', ARTICLE, swap('<em>years</em>', 'years')),
  pair(
    'two of sixty entries changed places',
    'looks-the-same',
    LONG_LIST,
    swap(/(<li>Entry 7:.*?<\/li>)(<li>Entry 8:.*?<\/li>)/, '$2$1'),
  ),
  pair(
    'three of sixty entries lost',
    'small-loss',
    LONG_LIST,
    swap(/<li>Entry 5[0-2]:.*?<\/li>/g, ''),
    swap(/<li>Entry 12:.*?<\/li>/, ''),
  ),
  pair('a quotation lost', 'small-loss', ARTICLE, swap(/<blockquote>.*?<\/blockquote>/, '')),
  pair('the side bar moved to the end', 'small-loss', DASHBOARD, (page) => {
    const side = /<aside[\s\S]*?<\/aside>/.exec(page)?.[0] ?? '';
    return page
      .replace(side, '')
      .replace('</div></div>\n</div>', `</div>${side}</div></div>`)
      .replace(/<\/div><\/div>$/, `</div>${side}</div>`);
  }),
  pair('one price wrong', 'small-loss', PRICES, swap('199 EUR', '1990 EUR')),
  pair(
    'the button lost',
    'small-loss',
    PROFILE,
    swap(/<button.*?<\/button>/, ''),
    swap(/<label>Message.*?<\/label>/, ''),
  ),
  pair('another portrait', 'small-loss', PROFILE, swap('/people/ada.jpg', '/people/nobody.png')),
  pair('the skills lost', 'small-loss', PROFILE, swap(SKILLS, '')),
  pair(
    'a banner on top',
    'small-loss',
    PROFILE,
    swap('<main>', '<div class="banner">We could not load all of your customizations. Try again later.</div><main>'),
  ),
  pair('a column of prices lost', 'visible-damage', PRICES, swap(/<td>\d+ EUR<\/td>/g, ''), swap('<th>Price</th>', '')),
  pair(
    'all but the first paragraph lost',
    'visible-damage',
    ARTICLE,
    swap(/<p>A harbour[\s\S]*?<\/p>/, ''),
    swap(/<p>Kelvin[\s\S]*?<\/p>/, ''),
  ),
  pair(
    'no chart and no hint',
    'visible-damage',
    DASHBOARD,
    swap(/<canvas.*?<\/canvas>/, ''),
    swap(/<p class="hint">.*?<\/p>/, ''),
  ),
  pair(
    'names for values everywhere',
    'visible-damage',
    PROFILE,
    swap(/<p>[^<]*<\/p>/g, '<p>{{ text }}</p>'),
    swap(/<li>[^<]*<\/li>/g, '<li>{{ item }}</li>'),
  ),
  pair('everything twice', 'visible-damage', CARD, (page) => page + page),
  pair('the main part hidden', 'broken', PROFILE, swap('<main>', '<main style="display: none">')),
  pair('the page for signing in', 'broken', PROFILE, () => LOGIN_PAGE),
  pair('the source shown as text', 'broken', CARD, (page) => `<pre>${page.replaceAll('<', '&lt;')}</pre>`),
  pair('all text gone', 'broken', ARTICLE, swap(/>[^<]+</g, '><')),
  pair('only the head of the list', 'broken', LONG_LIST, swap(/<li>Entry (?:[6-9]|\d\d):.*?<\/li>/g, '')),
  pair('contact only', 'broken', PROFILE, swap(WORK, ''), swap(SKILLS, ''), swap(/<header[\s\S]*?<\/header>/, '')),
];
