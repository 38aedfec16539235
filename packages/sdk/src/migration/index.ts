export type { CompareOptions, Tolerance } from '@theseus/core/compare';
export type { Action, ActionOptions, ActionSides, ActionStep, StepResults } from './action.ts';
export type { BreakerPhase } from './breaker.ts';
export type { Redact } from './difference-log.ts';
export {
  type CacheSideStats,
  type CacheStore,
  type DualCache,
  type DualCacheOptions,
  type DualCacheStats,
  dualCache,
} from './dual-cache.ts';
export { memoryRepairQueue } from './memory-repair-queue.ts';
export type { Migration, WriteOptions } from './migration.ts';
export type { MigrationOptions, ReadSides, ShadowOptions, WriteSide, WriteSides } from './migration-options.ts';
export type { MigrationHealth, MigrationSnapshot, PlaceOptions } from './migration-state.ts';
export { openRepairJournal, type RepairJournalOptions } from './repair-journal.ts';
export type { PendingRepair, Repair, RepairLine, RepairOutcome, RepairQueue } from './repair-queue.ts';
export { notSent, type SideCall, type WriteCall } from './side-call.ts';
export type { SideRecord } from './side-health.ts';
