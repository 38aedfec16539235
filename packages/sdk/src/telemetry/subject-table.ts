import { type Arm, isSampled, NO_VARIANT } from '@theseus/core/flag';

/** Low word of the subject, high word with marks, requests, errors, requests at the body's mark, at the tail's. */
const FIELDS = 6;
const LOW = 0;
const HIGH = 1;
const REQUESTS = 2;
const ERRORS = 3;
const BODY = 4;
const TAIL = 5;
/** Marks beside the 21 bits of the high word. */
const TAKEN = 0x40000000;
const CANDIDATE = 0x20000000;
const HIGH_BITS = 0x1fffff;
/** Between the high word and its marks: the variant's place, from 1 on. */
const VARIANT_UNIT = 0x200000;
const VARIANT_BITS = 0xff;
const WORD = 2 ** 32;
const FEWEST_SLOTS = 64;

/** Who is counted: a subject in an arm. */
export interface Counted {
  readonly subject: number;
  readonly arm: Arm;
  /** The place of the variant, or `NO_VARIANT`. */
  readonly variant: number;
}

/** What is added to a subject: 0 or 1 each. Without a request, it only stands in the table. */
export interface SubjectEvent {
  readonly requests: number;
  readonly errors: number;
  readonly body: number;
  readonly tail: number;
}

/** Subjects of both arms as JSON numbers, without the brackets. */
export interface TakenSubjects {
  readonly legacy: string;
  readonly candidate: string;
  /** How many of the candidate's subjects took each variant, in the order in which they stand; by place, from none on. */
  readonly variants: readonly number[];
  readonly length: number;
}

/**
 * Counts by subject and arm in one block of memory, 24 bytes a slot, at least half of them free: no object a subject, nothing for
 * the garbage collector on the path of a request.
 */
export class SubjectTable {
  #slots = new Uint32Array(FEWEST_SLOTS * FIELDS);
  #mask = FEWEST_SLOTS - 1;
  #size = 0;

  /** How many subjects are counted, those in both arms twice. */
  get size(): number {
    return this.#size;
  }

  /** Counts one request of a subject; false, and nothing counted, where it would be a new one and none may be added. */
  count({ subject, arm, variant }: Counted, event: SubjectEvent, mayAdd: () => boolean): boolean {
    const low = subject >>> 0;
    const place = (variant - NO_VARIANT) * VARIANT_UNIT;
    const high = ((subject / WORD) & HIGH_BITS) | TAKEN | (arm === 'candidate' ? CANDIDATE | place : 0);
    let at = this.#find(low, high);
    if (this.#slots[at + HIGH] === 0) {
      if (!mayAdd()) return false;
      if (this.#size * 2 > this.#mask) {
        this.#rebuild((this.#mask + 1) * 2, () => true);
        at = this.#find(low, high);
      }
      this.#slots[at + LOW] = low;
      this.#slots[at + HIGH] = high;
      this.#size += 1;
    }
    const slots = this.#slots;
    (slots[at + REQUESTS] as number) += event.requests;
    (slots[at + ERRORS] as number) += event.errors;
    (slots[at + BODY] as number) += event.body;
    (slots[at + TAIL] as number) += event.tail;
    return true;
  }

  /** Forgets everybody outside the sample. */
  thin(level: number): void {
    this.#rebuild(this.#mask + 1, (low) => isSampled(low, level));
  }

  clear(): void {
    this.#rebuild(FEWEST_SLOTS, () => false);
  }

  /** Takes out as many subjects as fit into so many characters. */
  take(limit: number): TakenSubjects {
    const legacy: string[] = [];
    const candidate: string[][] = [];
    const slots = this.#slots;
    let length = 0;
    let at = 0;
    for (; at < slots.length && length < limit - LONGEST_ENTRY; at += FIELDS) {
      const high = slots[at + HIGH] as number;
      if (high === 0) continue;
      const subject = (high & HIGH_BITS) * WORD + (slots[at + LOW] as number);
      const counts = `${slots[at + REQUESTS]},${slots[at + ERRORS]},${slots[at + BODY]},${slots[at + TAIL]}`;
      const entry = `${subject},${counts}`;
      if ((high & CANDIDATE) === 0) legacy.push(entry);
      else listAt(candidate, Math.trunc(high / VARIANT_UNIT) & VARIANT_BITS).push(entry);
      length += entry.length + 1;
    }
    const end = at;
    // As large as the last time needed, so that a steady flow of subjects finds its room.
    this.#rebuild(slotsFor(this.#size), (_low, offset) => offset >= end);
    return {
      legacy: legacy.join(','),
      candidate: candidate.flat().join(','),
      variants: Array.from(candidate, (entries) => entries?.length ?? 0),
      length,
    };
  }

  /** Where the subject's slot is, or the free one it would take. */
  #find(low: number, high: number): number {
    const slots = this.#slots;
    for (let slot = (low ^ (high >>> 3)) & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const at = slot * FIELDS;
      const found = slots[at + HIGH];
      if (found === 0 || (found === high && slots[at + LOW] === low)) return at;
    }
  }

  #rebuild(slotCount: number, isKept: (low: number, offset: number) => boolean): void {
    const before = this.#slots;
    this.#slots = new Uint32Array(slotCount * FIELDS);
    this.#mask = slotCount - 1;
    this.#size = 0;
    for (let from = 0; from < before.length; from += FIELDS) {
      const high = before[from + HIGH] as number;
      const low = before[from + LOW] as number;
      if (high === 0 || !isKept(low, from)) continue;
      this.#slots.set(before.subarray(from, from + FIELDS), this.#find(low, high));
      this.#size += 1;
    }
  }
}

function listAt(lists: string[][], at: number): string[] {
  const list = lists[at] ?? [];
  lists[at] = list;
  return list;
}

/** Sixteen digits of a subject, four counters of ten, and what stands between. */
const LONGEST_ENTRY = 64;

function slotsFor(size: number): number {
  return Math.max(FEWEST_SLOTS, 2 ** Math.ceil(Math.log2(size * 2 + 1)));
}
