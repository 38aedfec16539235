import type { Repairs } from '@theseus/core/health';

/** What migrations owe their other side, as the instances report it. */
export interface RepairSource {
  /** @param now epoch milliseconds: an instance that was not heard of for long by then is silent */
  repairsOf(flag: string, environment: string, now: number): Promise<Repairs>;
}
