import { EXPOSURE_WHOLE, type FlagDefinition } from './flag-document.ts';

type Flags = Readonly<Record<string, FlagDefinition>>;

/** How hash splits the users of one flag whose arms may be compared. */
export interface Split {
  /** Grows whenever the users of an arm become others. */
  readonly epoch: number;
  /** The same, but for latency's marks: see `FlagDefinition.split`. */
  readonly since: number;
  /** Users on the candidate for each one on legacy; null where one of the arms has none, or nobody can tell. */
  readonly odds: number | null;
}

/**
 * The split of a flag as its document has it; null where its server compares nothing.
 *
 * Only who has the candidate of every prerequisite is compared. Where a prerequisite is split by the same hash, that takes users away
 * from legacy alone: behind one at 50 %, a flag at 10 % has 10 on the candidate for each 40, not 90, on legacy. A
 * prerequisite that is split by another hash takes as many from either.
 */
export function splitOf(flags: Flags, key: string): Split | null {
  const flag = flags[key];
  if (flag?.epoch === undefined) return null;
  const needs = allRequired(flags, flag);
  if (needs === null) return { epoch: flag.epoch, since: splitVersion(flag), odds: null };
  const epoch = Math.max(flag.epoch, ...needs.map((need) => need.epoch ?? 0));
  const since = Math.max(splitVersion(flag), ...needs.map(splitVersion));
  const sameHash = needs.filter(({ salt, cohort }) => salt === flag.salt && cohort === flag.cohort);
  const within = Math.min(EXPOSURE_WHOLE, ...sameHash.map(exposureOf));
  const isOpen = flag.enabled && needs.every((need) => need.enabled && exposureOf(need) > 0);
  const exposure = exposureOf(flag);
  const hasBoth = isOpen && exposure > 0 && exposure < within;
  return { epoch, since, odds: hasBoth ? exposure / (within - exposure) : null };
}

/** At what share hash splits those who may be compared: of a flag with an audience, its members alone. */
function exposureOf({ audience, exposure }: FlagDefinition): number {
  return audience?.exposure ?? exposure;
}

/** The version since which nobody has moved to another arm or variant of this flag. */
export function splitVersion({ split, epoch = 0 }: FlagDefinition): number {
  return split ?? epoch;
}

/** Everything the flag requires, directly or not; null where some of it is not there or the chain is a circle. */
function allRequired(flags: Flags, flag: FlagDefinition): readonly FlagDefinition[] | null {
  const found = new Map<string, FlagDefinition>();
  const open = [...flag.requires];
  for (let key = open.pop(); key !== undefined; key = open.pop()) {
    if (found.has(key)) continue;
    const need = flags[key];
    if (need === undefined || key === flag.key) return null;
    found.set(key, need);
    open.push(...need.requires);
  }
  return [...found.values()];
}
