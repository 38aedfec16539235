import { readFile, stat } from 'node:fs/promises';
import { errorText, TheseusError } from '@theseus/core/error';
import type { EvaluationContext } from '@theseus/core/flag';
import { parseCsv } from './parse-csv.ts';

const LARGEST_BYTES = 64 * 1024 * 1024;
/** Reads like a number and is written as JavaScript writes it, so that no leading zero and no digit is lost. */
const NUMBER = /^-?(?:0|[1-9]\d{0,14})(?:\.\d{1,10})?$/;

/**
 * Reads people and their attributes from a CSV file whose first line names the columns. What is empty is absent; in columns other than
 * `cohort`, which stays text, numbers and true and false are read as such.
 */
export async function readPeopleFile(file: string, cohort: string): Promise<readonly EvaluationContext[]> {
  const [header, ...lines] = parseCsv(await textOf(file), file);
  if (header === undefined)
    throw new TheseusError('invalid-argument', `${file} is empty: its first line names the columns`);
  const columns = header.map((column) => column.trim());
  if (!columns.includes(cohort)) {
    throw new TheseusError(
      'invalid-argument',
      `${file} has no column '${cohort}', which the plan buckets; it has: ${columns.join(', ')}`,
    );
  }
  return lines.map((cells) =>
    Object.fromEntries(
      columns.flatMap((column, at): readonly (readonly [string, unknown])[] => {
        const cell = (cells[at] ?? '').trim();
        return cell === '' ? [] : [[column, column === cohort ? cell : attributeOf(cell)]];
      }),
    ),
  );
}

function attributeOf(cell: string): string | number | boolean {
  if (cell === 'true' || cell === 'false') return cell === 'true';
  return NUMBER.test(cell) ? Number(cell) : cell;
}

async function textOf(file: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size > LARGEST_BYTES) {
      throw new TheseusError('limit-exceeded', `${file} has ${size} bytes, ${LARGEST_BYTES} is the most: split it`);
    }
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof TheseusError) throw error;
    const why = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : errorText(error);
    throw new TheseusError('invalid-argument', `Cannot read the people in ${file}: ${why}`, { cause: error });
  }
}
