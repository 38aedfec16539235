/** Longer texts are no versions: nobody ships one, and each would be read at every evaluation. */
export const VERSION_LENGTH_LIMIT = 256;

/** The grammar of https://semver.org/spec/v2.0.0.html, which has no leading `v` and no leading zeros. */
const NUMBER = '(?:0|[1-9]\\d*)';
const PART = `(?:${NUMBER}|\\d*[a-zA-Z-][0-9a-zA-Z-]*)`;
const SEMVER = new RegExp(
  `^${NUMBER}\\.${NUMBER}\\.${NUMBER}(?:-${PART}(?:\\.${PART})*)?(?:\\+[0-9a-zA-Z-]+(?:\\.[0-9a-zA-Z-]+)*)?$`,
);

const DOT = 46;
const PLUS = 43;
const HYPHEN = 45;
const ZERO = 48;
const NINE = 57;

/** Whether a text is a semantic version, such as `2.3.0-beta.1`. */
export function isVersion(text: string): boolean {
  return text.length <= VERSION_LENGTH_LIMIT && SEMVER.test(text);
}

/**
 * Below 0 where `left` comes before `right`, above 0 where after, 0 where neither: clause 11 of semver.org. Builds do
 * not count, and numbers may be as long as they like.
 *
 * @returns NaN, which is neither, where one of the texts is no version
 */
export function compareVersions(left: string, right: string): number {
  return isVersion(left) && isVersion(right) ? compareParts(left, right) : Number.NaN;
}

/** Both are walked at once, part by part; up to the hyphen both have the same three. */
function compareParts(left: string, right: string): number {
  let at = 0;
  let other = 0;
  for (let part = 0; ; part += 1) {
    const end = partEnd(left, at, part);
    const otherEnd = partEnd(right, other, part);
    const order = compareIdentifier(left.slice(at, end), right.slice(other, otherEnd));
    if (order !== 0) return order;
    const goesOn = isMore(left, end);
    const otherGoesOn = isMore(right, otherEnd);
    if (!goesOn || !otherGoesOn) {
      if (goesOn === otherGoesOn) return 0;
      // Of equal versions the one with a pre-release comes first; of equal pre-releases the shorter one.
      return (part === 2 ? !goesOn : goesOn) ? 1 : -1;
    }
    at = end + 1;
    other = otherEnd + 1;
  }
}

/** A hyphen ends only the third number; in a pre-release it is a letter. */
function partEnd(text: string, from: number, part: number): number {
  let at = from;
  for (; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === DOT || code === PLUS || (code === HYPHEN && part === 2)) break;
  }
  return at;
}

function isMore(text: string, end: number): boolean {
  return end < text.length && text.charCodeAt(end) !== PLUS;
}

/** Numbers by value and before words, words by ASCII. */
function compareIdentifier(left: string, right: string): number {
  const isNumber = isDigits(left);
  if (isNumber !== isDigits(right)) return isNumber ? -1 : 1;
  if (isNumber && left.length !== right.length) return left.length - right.length;
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

function isDigits(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < ZERO || code > NINE) return false;
  }
  return true;
}
