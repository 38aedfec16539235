import { hash } from 'node:crypto';
import { TheseusError } from '@theseus/core/error';
import type { JsonValue, SavedState } from '@theseus/migrate';
import type { SavedBytes } from '../ports/wave-ledger.ts';

/**
 * A saved state as it is stored: bytes as they are, JSON with its keys in order, so that the same state has the same hash
 * however its keys were put in.
 *
 * @throws TheseusError `invalid-argument` for what is neither
 */
export function toBytes(state: SavedState): SavedBytes {
  if (state instanceof Uint8Array) return { bytes: state, isJson: false, hash: sha256(state) };
  const bytes = Buffer.from(canonical(state), 'utf8');
  return { bytes, isJson: true, hash: sha256(bytes) };
}

/** The state as the handler gave it. */
export function fromBytes({ bytes, isJson }: SavedBytes): SavedState {
  if (!isJson) return new Uint8Array(bytes);
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')) as JsonValue;
}

export function isSameHash(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

function sha256(bytes: Uint8Array): Uint8Array {
  return hash('sha256', bytes, 'buffer');
}

function canonical(value: JsonValue | undefined): string {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new TheseusError('invalid-argument', `A saved state holds the number ${value}, which JSON does not know`);
  }
  if (value === null || typeof value !== 'object') {
    const text = JSON.stringify(value) as string | undefined;
    if (text === undefined)
      throw new TheseusError('invalid-argument', `A saved state holds ${typeof value}: it is neither bytes nor JSON`);
    return text;
  }
  if (Array.isArray(value)) return `[${value.map((item: JsonValue) => canonical(item)).join(',')}]`;
  const fields = Object.entries(value as Readonly<Record<string, JsonValue>>);
  const told = fields
    .filter(([, field]) => (field as JsonValue | undefined) !== undefined)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, field]) => `${JSON.stringify(key)}:${canonical(field)}`);
  return `{${told.join(',')}}`;
}
