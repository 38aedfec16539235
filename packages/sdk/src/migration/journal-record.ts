import { crc32 } from 'node:zlib';
import { TheseusError } from '@theseus/core/error';
import type { Repair } from './repair-queue.ts';

export const JOURNAL_FORMAT = 'theseus-repairs/1';

/** One line of a journal of repairs. */
export type JournalRecord =
  | { readonly kind: 'begin'; readonly format: typeof JOURNAL_FORMAT }
  | { readonly kind: 'add'; readonly repair: Repair; readonly givenUp?: boolean }
  | { readonly kind: 'changed'; readonly id: string; readonly payload: unknown }
  | { readonly kind: 'given-up'; readonly id: string }
  | { readonly kind: 'done'; readonly id: string };

/** A line: checksum, JSON, line feed. */
export function writeRecord(record: JournalRecord): string {
  const json = JSON.stringify(record);
  return `${checksumOf(json)} ${json}\n`;
}

export interface ReadJournal {
  readonly records: readonly JournalRecord[];
  /** Up to here every line is whole; what follows was being written when the program ended. */
  readonly wholeBytes: number;
}

/**
 * Reads a journal up to a last line that was cut off.
 *
 * @throws TheseusError `corrupt-record` where a broken line is followed by others: that is no cut, and skipping it could lose repairs
 */
export function readJournal(bytes: Buffer, path: string): ReadJournal {
  const records: JournalRecord[] = [];
  let at = 0;
  while (at < bytes.length) {
    const end = bytes.indexOf(0x0a, at);
    const record = end === -1 ? undefined : readRecord(bytes.toString('utf8', at, end));
    if (record === undefined) {
      if (end !== -1 && end + 1 < bytes.length) throw broken(path, records.length + 1, at);
      break;
    }
    if (records.length === 0 && (record.kind !== 'begin' || record.format !== JOURNAL_FORMAT)) throw foreign(path);
    records.push(record);
    at = end + 1;
  }
  // A file that is no journal at all must not be taken for one that was cut, and be overwritten.
  if (records.length === 0 && !BEGIN.startsWith(bytes.toString())) throw foreign(path);
  return { records, wholeBytes: at };
}

const BEGIN = writeRecord({ kind: 'begin', format: JOURNAL_FORMAT });

function readRecord(line: string): JournalRecord | undefined {
  const json = line.slice(9);
  if (line[8] !== ' ' || line.slice(0, 8) !== checksumOf(json)) return undefined;
  try {
    return JSON.parse(json) as JournalRecord;
  } catch {
    return undefined;
  }
}

function checksumOf(json: string): string {
  return crc32(json).toString(16).padStart(8, '0');
}

function broken(path: string, line: number, at: number): TheseusError {
  return new TheseusError(
    'corrupt-record',
    `Cannot read the journal of repairs ${path}: line ${line}, at byte ${at}, is broken and others follow; ` +
      'keep a copy of the file, take that line out, and copy its subject anew',
  );
}

function foreign(path: string): TheseusError {
  return new TheseusError(
    'corrupt-record',
    `Cannot read the journal of repairs ${path}: it is not of the format ${JOURNAL_FORMAT}; name another file`,
  );
}
