import { TheseusError } from '@theseus/core/error';

/**
 * Lines of cells, as RFC 4180 has them: quotes around a cell keep commas and line ends in it, two quotes are one. Empty
 * lines are left out.
 *
 * @throws TheseusError `invalid-argument` with the line of a quote that is not closed
 */
export function parseCsv(text: string, file: string): readonly (readonly string[])[] {
  const rows: string[][] = [];
  let row: string[] = [];
  const endRow = (): void => {
    if (row.length > 1 || row[0] !== '') rows.push(row);
    row = [];
  };
  const start = text.startsWith('\uFEFF') ? 1 : 0;
  for (let at = start; at < text.length; ) {
    const cell = readCell(text, at, file);
    row.push(cell.text);
    at = cell.end;
    if (text[at] === ',') {
      at += 1;
      // A line may end with an empty cell.
      if (at < text.length && text[at] !== '\r' && text[at] !== '\n') continue;
      row.push('');
    }
    if (text[at] === '\r') at += 1;
    if (text[at] === '\n') at += 1;
    endRow();
  }
  return rows;
}

function readCell(text: string, from: number, file: string): { readonly text: string; readonly end: number } {
  if (text[from] !== '"') {
    let end = from;
    while (end < text.length && text[end] !== ',' && text[end] !== '\n' && text[end] !== '\r') end += 1;
    return { text: text.slice(from, end), end };
  }
  let cell = '';
  for (let at = from + 1; ; ) {
    const quote = text.indexOf('"', at);
    if (quote === -1) {
      const line = text.slice(0, from).split('\n').length;
      throw new TheseusError('invalid-argument', `${file}:${line} opens a quote that is never closed: add a "`);
    }
    cell += text.slice(at, quote);
    if (text[quote + 1] !== '"') return { text: cell, end: quote + 1 };
    cell += '"';
    at = quote + 2;
  }
}
