import type { FlagGoals, FlagUsers } from '@theseus/core/health';
import { type InstanceRow, keyOf, type PlacedBatch } from './instance-rows.ts';

/** A part about users that was not taken in before. */
export interface NewPart {
  readonly environment: string;
  readonly instance: string;
  readonly sequence: number;
  readonly flags: Readonly<Record<string, FlagUsers>>;
  readonly goals: Readonly<Record<string, FlagGoals>>;
}

/** The parts of these batches that are new, each once, those of an instance in their order. */
export function newParts(batches: readonly PlacedBatch[], known: ReadonlyMap<string, InstanceRow>): readonly NewPart[] {
  const found = new Map<string, NewPart>();
  for (const batch of batches) {
    const { environment, instance, users } = batch;
    if (users === undefined) continue;
    const { sequence, flags, goals = {} } = users;
    if (sequence <= Number(known.get(keyOf(batch))?.users_sequence ?? 0)) continue;
    found.set(`${keyOf(batch)} ${sequence}`, { environment, instance, sequence, flags, goals });
  }
  return [...found.values()].sort((left, right) => left.sequence - right.sequence);
}
