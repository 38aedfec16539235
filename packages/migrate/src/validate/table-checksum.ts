import { createHash } from 'node:crypto';
import { TheseusError } from '@theseus/core/error';

/** Rows as a driver gives them: fields by name. */
export type Row = Readonly<Record<string, unknown>>;

export interface TableChecksumOptions {
  /** Fields that count; all unless given. */
  readonly columns?: readonly string[];
}

/** What two tables have to share to hold the same rows, whatever their order. */
export interface TableChecksum {
  readonly rows: number;
  /** 64 hexadecimal digits. */
  readonly checksum: string;
}

/** 2^256: sums of hashes wrap here. */
const MODULUS = 2n ** 256n;

/**
 * A checksum over rows in any order, read once and never held: the sum, modulo 2^256, of the SHA-256 of each row's canonical form. A sum
 * tells repeated rows (an exclusive or would not), and that two different tables share one by chance is about as likely as for SHA-256
 * itself. It is no defence against somebody who chooses thousands of rows so that their sum comes out: it finds faults, not forgers.
 *
 * Numbers, bigints and texts of the same digits differ, as do null and a field that is absent; dates count by their moment.
 *
 * @throws TheseusError `invalid-argument` for a value that has no canonical form, such as a function, or NaN
 */
export async function tableChecksum(
  rows: AsyncIterable<Row> | Iterable<Row>,
  { columns }: TableChecksumOptions = {},
): Promise<TableChecksum> {
  let [count, sum] = [0, 0n];
  for await (const row of rows) {
    const digest = createHash('sha256').update(canonicalRow(row, columns)).digest('hex');
    sum = (sum + BigInt(`0x${digest}`)) % MODULUS;
    count += 1;
  }
  return { rows: count, checksum: sum.toString(16).padStart(64, '0') };
}

export interface RowCountDifference {
  readonly table: string;
  /** Undefined where there is no such table. */
  readonly before: number | undefined;
  readonly after: number | undefined;
}

/** The tables whose numbers of rows differ, sorted by name; none where all are the same. */
export function rowCounts(
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
): readonly RowCountDifference[] {
  const tables = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return tables
    .map((table) => ({ table, before: countOf(before, table), after: countOf(after, table) }))
    .filter((counts) => counts.before !== counts.after);
}

function countOf(counts: Readonly<Record<string, number>>, table: string): number | undefined {
  return Object.hasOwn(counts, table) ? counts[table] : undefined;
}

function canonicalRow(row: Row, columns: readonly string[] | undefined): string {
  const names = (columns ?? Object.keys(row)).toSorted();
  // Lengths stand before what may hold any character, so that no two rows are written alike.
  return names.map((name) => `${name.length}:${name}${canonical(row[name], name)}`).join('');
}

function canonical(value: unknown, column: string): string {
  if (value === null) return 'n';
  if (value instanceof Date) return `d${value.getTime()};`;
  if (ArrayBuffer.isView(value))
    return `x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')};`;
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item, column)).join('')}]`;
  switch (typeof value) {
    case 'undefined':
      return 'u';
    case 'boolean':
      return value ? 't' : 'f';
    case 'bigint':
      return `i${value};`;
    case 'number':
      if (!Number.isNaN(value)) return `#${Object.is(value, -0) ? 0 : value};`;
      break;
    case 'string':
      return `s${value.length}:${value}`;
    case 'object':
      return `{${canonicalRow(value as Row, undefined)}}`;
    default:
  }
  throw new TheseusError(
    'invalid-argument',
    `Cannot take the checksum of column '${column}': it holds a ${typeof value} that has no canonical form`,
  );
}
