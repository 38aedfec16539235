// The escape character begins every ANSI colour.
const COLOR = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g');
const RESET = `${String.fromCharCode(27)}[0m`;

/** So many columns does a text take; colours take none. */
export function visibleLength(text: string): number {
  return text.replace(COLOR, '').length;
}

/**
 * Breaks a line into lines of at most so many columns, at blanks where it can. What follows is indented two further than
 * the line began. Nothing is left out: a wait that cannot be read to its end tells nobody how to end it.
 */
export function wrap(line: string, width: number): readonly string[] {
  if (visibleLength(line) <= width) return [line];
  const indent = ' '.repeat(Math.min(Math.floor(width / 2), (/^ */.exec(line)?.[0].length ?? 0) + 2));
  const lines: string[] = [];
  let current = '';
  let colors = '';
  for (const word of line.split(/(?<=\S)(?= )/).flatMap((part) => chop(part, width - indent.length))) {
    if (current !== '' && visibleLength(current + word) > width) {
      lines.push(colors === '' ? current : current + RESET);
      current = indent + colors + word.trimStart();
    } else current += word;
    colors = colorsAfter(colors, word);
  }
  return [...lines, current];
}

/** The colours that are open after a text: a line that goes on must begin in them. */
function colorsAfter(before: string, text: string): string {
  return (text.match(COLOR) ?? []).reduce((open, code) => (CLOSING.test(code) ? '' : open + code), before);
}

const CLOSING = /\[(0|2[2-9]|39|49)m$/;

/** A word that is longer than a line is cut into pieces that fit. Words with colours are short and stay whole. */
function chop(word: string, width: number): readonly string[] {
  if (visibleLength(word) <= width || word.includes('\u001b')) return [word];
  return Array.from({ length: Math.ceil(word.length / width) }, (_, index) =>
    word.slice(index * width, (index + 1) * width),
  );
}
