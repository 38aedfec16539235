/** Cells of one table of common words; longer texts are compared as bags of words. */
const CELLS_MOST = 65_536;

const WORD = /\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Thai}|[\p{L}\p{N}\p{M}]+|[^\s]/gu;

/** The words of a text; a writing without spaces goes by its characters, and a mark of punctuation is a word. */
export function wordsOf(text: string): readonly string[] {
  return text.match(WORD) ?? [];
}

/** Which share of one text, by letters, another lacks, and which share of the other is new. */
export interface WordChange {
  readonly lost: number;
  readonly added: number;
}

/** In their order where both are short enough; as bags of words otherwise. */
export function changeOfWords(before: readonly string[], after: readonly string[]): WordChange {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start += 1;
  let end = 0;
  const longest = Math.min(before.length, after.length) - start;
  while (end < longest && before[before.length - 1 - end] === after[after.length - 1 - end]) end += 1;
  const one = before.slice(start, before.length - end);
  const other = after.slice(start, after.length - end);
  const kept = one.length * other.length <= CELLS_MOST ? commonInOrder(one, other) : commonInBags(one, other);
  return { lost: shareOf(lettersOf(one) - kept, before), added: shareOf(lettersOf(other) - kept, after) };
}

function shareOf(letters: number, words: readonly string[]): number {
  return letters <= 0 ? 0 : letters / lettersOf(words);
}

function lettersOf(words: readonly string[]): number {
  return words.reduce((sum, word) => sum + word.length, 0);
}

function commonInOrder(one: readonly string[], other: readonly string[]): number {
  let row = new Float64Array(other.length + 1);
  for (const word of one) {
    const next = new Float64Array(other.length + 1);
    for (let at = 1; at <= other.length; at += 1) {
      const skipped = Math.max(next[at - 1] ?? 0, row[at] ?? 0);
      const taken = other[at - 1] === word ? (row[at - 1] ?? 0) + word.length : 0;
      next[at] = Math.max(skipped, taken);
    }
    row = next;
  }
  return row[other.length] ?? 0;
}

function commonInBags(one: readonly string[], other: readonly string[]): number {
  const counts = new Map<string, number>();
  for (const word of one) counts.set(word, (counts.get(word) ?? 0) + 1);
  let kept = 0;
  for (const word of other) {
    const left = counts.get(word) ?? 0;
    if (left === 0) continue;
    counts.set(word, left - 1);
    kept += word.length;
  }
  return kept;
}
