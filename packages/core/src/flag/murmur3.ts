import { TheseusError } from '../error.ts';

/**
 * Where a murmur3-32 hash stands after some whole blocks of four bytes, so that many keys may share one salt
 * and pay for hashing it once.
 */
export interface SaltState {
  /** The unfinished hash, as a signed 32-bit integer. */
  readonly hash: number;
  /** Bytes hashed so far; a multiple of four. */
  readonly byteLength: number;
}

const C1 = 0xcc9e2d51;
const C2 = 0x1b873593;
const REPLACEMENT = 0xfffd;

/**
 * The state of murmur3-32 (seed 0) after the salt.
 *
 * @throws TheseusError `invalid-argument` when the salt's length in UTF-8 bytes is no multiple of four: the hash could
 *   then not resume on a block's boundary.
 */
export function saltState(salt: string): SaltState {
  const byteLength = utf8Length(salt);
  if (byteLength % 4 !== 0) {
    throw new TheseusError(
      'invalid-argument',
      `Cannot use a salt of ${byteLength} bytes: its length in UTF-8 must be a multiple of four`,
    );
  }
  return { hash: hashBlocks(salt), byteLength };
}

/** murmur3-32 (seed 0) of the salt followed by the key, over UTF-8, as an unsigned 32-bit integer. */
export function murmur3Resume(state: SaltState, key: string): number {
  return murmur3ResumeSigned(state, key) >>> 0;
}

/** murmur3-32 (seed 0) of a text over UTF-8, as an unsigned 32-bit integer. */
export function murmur3(text: string): number {
  return murmur3ResumeSigned(EMPTY, text) >>> 0;
}

const EMPTY: SaltState = { hash: 0, byteLength: 0 };

/**
 * As {@link murmur3Resume}, as a signed integer: a signed 32-bit result stays in a register,
 * an unsigned one beyond 2^31 may cost an allocation on the path of every evaluation.
 */
export function murmur3ResumeSigned(state: SaltState, key: string): number {
  const length = key.length;
  const blocksEnd = length & ~3;
  let hash = state.hash;
  let at = 0;
  for (; at < blocksEnd; at += 4) {
    const a = key.charCodeAt(at);
    const b = key.charCodeAt(at + 1);
    const c = key.charCodeAt(at + 2);
    const d = key.charCodeAt(at + 3);
    if ((a | b | c | d) > 0x7f) return resumeUtf8(hash, state.byteLength + at, key, at);
    hash = mixBlock(hash, a | (b << 8) | (c << 16) | (d << 24));
  }
  let tail = 0;
  for (let shift = 0; at < length; at += 1, shift += 8) {
    const code = key.charCodeAt(at);
    if (code > 0x7f) return resumeUtf8(hash, state.byteLength + blocksEnd, key, blocksEnd);
    tail |= code << shift;
  }
  return finish(hash, tail, state.byteLength + length);
}

/** Goes on from `start`, which lies on a block's boundary, through characters of any width. */
function resumeUtf8(startHash: number, startBytes: number, key: string, start: number): number {
  let hash = startHash;
  let byteLength = startBytes;
  let block = 0;
  let filled = 0;
  for (let at = start; at < key.length; at += 1) {
    const point = scalarAt(key, at);
    if (point > 0xffff) at += 1;
    const bytes = utf8Bytes(point);
    const width = utf8Width(point);
    block |= bytes << (filled * 8);
    byteLength += width;
    if (filled + width >= 4) {
      hash = mixBlock(hash, block);
      // Shifting by 32 would be shifting by 0 in JavaScript; nothing is left over in that case.
      block = filled === 0 ? 0 : bytes >>> ((4 - filled) * 8);
    }
    filled = (filled + width) & 3;
  }
  return finish(hash, block, byteLength);
}

/** The state after all of a text whose UTF-8 length is a multiple of four. */
function hashBlocks(text: string): number {
  let hash = 0;
  let block = 0;
  let filled = 0;
  for (let at = 0; at < text.length; at += 1) {
    const point = scalarAt(text, at);
    if (point > 0xffff) at += 1;
    const bytes = utf8Bytes(point);
    const width = utf8Width(point);
    block |= bytes << (filled * 8);
    if (filled + width >= 4) {
      hash = mixBlock(hash, block);
      block = filled === 0 ? 0 : bytes >>> ((4 - filled) * 8);
    }
    filled = (filled + width) & 3;
  }
  return hash;
}

function mixBlock(hash: number, block: number): number {
  let mixed = Math.imul(block, C1);
  mixed = (mixed << 15) | (mixed >>> 17);
  let next = hash ^ Math.imul(mixed, C2);
  next = (next << 13) | (next >>> 19);
  return (Math.imul(next, 5) + 0xe6546b64) | 0;
}

/** Mixes in the one to three bytes that fill no block, and avalanches. */
function finish(hash: number, tail: number, byteLength: number): number {
  let mixed = Math.imul(tail, C1);
  mixed = (mixed << 15) | (mixed >>> 17);
  let end = hash ^ Math.imul(mixed, C2) ^ byteLength;
  end = Math.imul(end ^ (end >>> 16), 0x85ebca6b);
  end = Math.imul(end ^ (end >>> 13), 0xc2b2ae35);
  return end ^ (end >>> 16);
}

/** The Unicode scalar value that starts here; a surrogate without its partner reads as U+FFFD, as TextEncoder has it. */
function scalarAt(text: string, at: number): number {
  const point = text.codePointAt(at) as number;
  return point >= 0xd800 && point <= 0xdfff ? REPLACEMENT : point;
}

function utf8Width(point: number): number {
  if (point < 0x80) return 1;
  if (point < 0x800) return 2;
  return point < 0x10000 ? 3 : 4;
}

/** The character's UTF-8 bytes, the first in the lowest place. */
function utf8Bytes(point: number): number {
  if (point < 0x80) return point;
  const last = 0x80 | (point & 0x3f);
  if (point < 0x800) return 0xc0 | (point >> 6) | (last << 8);
  const third = 0x80 | ((point >> 6) & 0x3f);
  if (point < 0x10000) return 0xe0 | (point >> 12) | (third << 8) | (last << 16);
  return 0xf0 | (point >> 18) | ((0x80 | ((point >> 12) & 0x3f)) << 8) | (third << 16) | (last << 24);
}

/** The length in UTF-8 bytes. */
export function utf8Length(text: string): number {
  let length = 0;
  for (let at = 0; at < text.length; at += 1) {
    const point = scalarAt(text, at);
    if (point > 0xffff) at += 1;
    length += utf8Width(point);
  }
  return length;
}
