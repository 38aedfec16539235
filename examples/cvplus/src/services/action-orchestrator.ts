import { hashOf } from '../seeded-random.ts';
import type { ServiceFactory } from './service-behaviour.ts';

const PLACES = 64;
const WRITES = 3;
/** A place takes so much; a write that would go beyond it is refused and the action is taken back. */
const PLACE_LIMIT = 1_000;

/** Carries out actions of several writes: all of them are done, or none is. */
export const actionOrchestrator: ServiceFactory = (arm) => {
  const ledger = new Array<number>(PLACES).fill(0);
  const apply = arm === 'legacy' ? onACopy : withAJournal;
  let actions = 0;
  return {
    answer: (user) => {
      actions += 1;
      const writes = writesOf(user, actions);
      const committed = apply(ledger, writes);
      // Work moves on: what is full is emptied, so that the demo can run for as long as one likes.
      if (!committed) for (const { place } of writes) ledger[place] = 0;
      return { action: `${user}/${actions}`, writes: WRITES, committed };
    },
  };
};

export interface Write {
  readonly place: number;
  readonly amount: number;
}

function writesOf(user: string, action: number): readonly Write[] {
  return Array.from({ length: WRITES }, (_, index) => {
    const hash = hashOf(`${user} ${action} ${index}`);
    return { place: hash % PLACES, amount: 1 + (hash % 7) };
  });
}

/** The old way: write into a copy, and put the copy in place when all went well. */
export function onACopy(ledger: number[], writes: readonly Write[]): boolean {
  const copy = [...ledger];
  for (const { place, amount } of writes) {
    const value = (copy[place] ?? 0) + amount;
    if (value > PLACE_LIMIT) return false;
    copy[place] = value;
  }
  ledger.splice(0, ledger.length, ...copy);
  return true;
}

/** The new way: write in place, and take back what was written when one write is refused. */
export function withAJournal(ledger: number[], writes: readonly Write[]): boolean {
  const journal: Write[] = [];
  for (const write of writes) {
    const value = (ledger[write.place] ?? 0) + write.amount;
    if (value > PLACE_LIMIT) {
      for (const { place, amount } of journal) ledger[place] = (ledger[place] ?? 0) - amount;
      return false;
    }
    ledger[write.place] = value;
    journal.push(write);
  }
  return true;
}
