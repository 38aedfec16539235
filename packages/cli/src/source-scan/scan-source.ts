import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type KeyPattern, keyPattern } from './key-pattern.ts';
import { sourceFiles } from './source-files.ts';

const LARGEST_FILE_BYTES = 1_000_000;
const LINES_PER_KEY = 1_000;
const TEXT_LENGTH = 200;
/** A file with a NUL in its beginning is binary, as git has it. */
const BEGINNING_BYTES = 8_000;

export interface SourceLine {
  /** Within the folder that was scanned. */
  readonly file: string;
  /** From 1 on. */
  readonly line: number;
  readonly text: string;
}

export interface SourceScan {
  readonly byKey: ReadonlyMap<string, { readonly lines: readonly SourceLine[]; readonly leftOff: number }>;
  readonly files: number;
  /** Binary, larger than 1 MB, or not to be read. */
  readonly passedOver: number;
}

/** Looks for lines of a folder's files that name one of the flags. */
export async function scanSource(folder: string, keys: readonly string[]): Promise<SourceScan> {
  const patterns = keys.map(keyPattern);
  const found = new Map(keys.map((key) => [key, { lines: [] as SourceLine[], leftOff: 0 }]));
  const files = await sourceFiles(folder);
  let passedOver = 0;
  for (const file of files) {
    const text = await textOf(join(folder, file));
    if (text === null) passedOver += 1;
    else for (const pattern of patterns) lookFor(pattern, file, text, found);
  }
  return { byKey: found, files: files.length - passedOver, passedOver };
}

function lookFor(
  { key, namesIt }: KeyPattern,
  file: string,
  text: string,
  found: ReadonlyMap<string, { lines: SourceLine[]; leftOff: number }>,
): void {
  const known = found.get(key);
  if (known === undefined || !namesIt(text, file)) return;
  for (const [at, line] of text.split(/\r?\n/).entries()) {
    if (!namesIt(line, file)) continue;
    if (known.lines.length < LINES_PER_KEY)
      known.lines.push({ file, line: at + 1, text: line.trim().slice(0, TEXT_LENGTH) });
    else known.leftOff += 1;
  }
}

/** Null for what is no text, is too large, or cannot be read; links are not followed. */
async function textOf(path: string): Promise<string | null> {
  try {
    const stats = await lstat(path);
    if (!stats.isFile() || stats.size > LARGEST_FILE_BYTES) return null;
    const bytes = await readFile(path);
    return bytes.subarray(0, BEGINNING_BYTES).includes(0) ? null : bytes.toString('utf8');
  } catch {
    return null;
  }
}
