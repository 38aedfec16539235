import { TheseusError } from '@theseus/core/error';
import { RepairLines } from './repair-lines.ts';
import type { Repair, RepairQueue } from './repair-queue.ts';

export const REPAIRS_MOST = 10_000;

/**
 * Keeps repairs in memory: **they are lost when the process ends**. For tests, and for data that may be copied again.
 *
 * @param limit how many repairs it holds, given-up ones included
 */
export function memoryRepairQueue(limit: number = REPAIRS_MOST): RepairQueue {
  const lines = new RepairLines();
  return {
    async add(repair, options) {
      if (lines.count >= limit) throw queueFull(limit);
      // As the journal would: what is repeated is what the write was, not what became of the object since.
      const kept = JSON.parse(JSON.stringify(repair)) as Repair;
      if (options?.givenUp === true) lines.addGivenUp(kept);
      else lines.add(kept);
    },
    take: (nowMs, mayBeTaken) => lines.take(nowMs, mayBeTaken),
    first: (line) => lines.first(line),
    async done(id) {
      lines.remove(id);
    },
    async failed(id, outcome) {
      if (outcome.kind === 'given-up') lines.giveUp(id);
      else lines.retry(id, outcome.retryAtMs, outcome);
    },
    size: (flag) => lines.size(flag),
    nextDueMs: (mayBeTaken) => lines.nextDueMs(mayBeTaken),
    givenUp: () => lines.givenUp(),
    async close() {
      // Nothing is held.
    },
  };
}

export function queueFull(limit: number): TheseusError {
  return new TheseusError(
    'limit-exceeded',
    `Cannot keep another repair: there are ${limit} already; mend the side that fails, or raise the limit`,
  );
}
