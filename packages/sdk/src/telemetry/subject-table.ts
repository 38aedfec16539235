import { type Arm, isSampled } from '@theseus/core/flag';

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
const WORD = 2 ** 32;
const FEWEST_SLOTS = 64;

/** What one request adds to its subject: 0 or 1 each. */
export interface SubjectEvent {
  readonly errors: number;
  readonly body: number;
  readonly tail: number;
}

/** Subjects of both arms as JSON numbers, without the brackets. */
export interface TakenSubjects {
  readonly legacy: string;
  readonly candidate: string;
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
  count(subject: number, arm: Arm, event: SubjectEvent, mayAdd: () => boolean): boolean {
    const low = subject >>> 0;
    const high = ((subject / WORD) & HIGH_BITS) | TAKEN | (arm === 'candidate' ? CANDIDATE : 0);
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
    (slots[at + REQUESTS] as number) += 1;
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
    const arms = { legacy: [] as string[], candidate: [] as string[] };
    const slots = this.#slots;
    let length = 0;
    let at = 0;
    for (; at < slots.length && length < limit - LONGEST_ENTRY; at += FIELDS) {
      const high = slots[at + HIGH] as number;
      if (high === 0) continue;
      const subject = (high & HIGH_BITS) * WORD + (slots[at + LOW] as number);
      const counts = `${slots[at + REQUESTS]},${slots[at + ERRORS]},${slots[at + BODY]},${slots[at + TAIL]}`;
      const entry = `${subject},${counts}`;
      arms[(high & CANDIDATE) === 0 ? 'legacy' : 'candidate'].push(entry);
      length += entry.length + 1;
    }
    const end = at;
    // As large as the last time needed, so that a steady flow of subjects finds its room.
    this.#rebuild(slotsFor(this.#size), (_low, offset) => offset >= end);
    return { legacy: arms.legacy.join(','), candidate: arms.candidate.join(','), length };
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

/** Sixteen digits of a subject, four counters of ten, and what stands between. */
const LONGEST_ENTRY = 64;

function slotsFor(size: number): number {
  return Math.max(FEWEST_SLOTS, 2 ** Math.ceil(Math.log2(size * 2 + 1)));
}
