import { EXPOSURE_WHOLE, type FlagDefinition, MIGRATION_STAGES } from './flag-document.ts';

/**
 * How far a flag has come: `dark` nobody, `internal` only people who are named or in a segment, `ramping` a share,
 * `full` 100 %, `retiring` its retirement is under way, `retired` the candidate for good.
 */
export const LIFECYCLE_STATES = ['dark', 'internal', 'ramping', 'full', 'retiring', 'retired'] as const;

export type LifecycleState = (typeof LIFECYCLE_STATES)[number];

/** What a definition does not tell about a flag. */
export interface FlagHistory {
  /** When its exposure last changed, epoch milliseconds; null where it never did. */
  readonly exposureChangedAt: number | null;
  /** Whether a step that retires it has begun and not ended. */
  readonly isRetiring: boolean;
}

/** The state of a flag in its lifecycle. */
export function lifecycleOf(definition: FlagDefinition, history: FlagHistory): LifecycleState {
  if (definition.retired) return 'retired';
  if (!definition.enabled) return 'dark';
  if (history.isRetiring) return 'retiring';
  if (isFull(definition)) return 'full';
  if (isBegun(definition)) return 'ramping';
  return letsSomebodyIn(definition) ? 'internal' : 'dark';
}

function letsSomebodyIn({ overrides, rules }: FlagDefinition): boolean {
  return overrides.candidate.length > 0 || rules.some(({ exposure }) => exposure > 0);
}

/** Since when a flag has been at 100 %, epoch milliseconds; null while it is not there. */
export function fullSince(definition: FlagDefinition, history: FlagHistory): number | null {
  return definition.enabled && isFull(definition) ? history.exposureChangedAt : null;
}

/** Everybody is on the candidate; of a migration, at its last stage. */
function isFull({ exposure, audience, migration }: FlagDefinition): boolean {
  if (migration !== undefined) return migration.stages.legacy === 'complete';
  return exposure >= EXPOSURE_WHOLE && audience === undefined;
}

/** Some are; of a migration, it has left its first stage. */
function isBegun({ exposure, audience, migration }: FlagDefinition): boolean {
  const [first] = MIGRATION_STAGES;
  return (
    exposure > 0 || (audience?.exposure ?? 0) > 0 || (migration !== undefined && migration.stages.legacy !== first)
  );
}

/** A flag is to be removed from the source so long after it reached 100 %, in milliseconds. */
export const STALE_AFTER_MS = 14 * 86_400_000;

/** Why a flag should be gone from the source: it is `retired`, no plan knows it (`unplanned`), or it is `full` for too long. */
export type Staleness = 'retired' | 'unplanned' | 'full';

/**
 * Why a flag is stale; null where it is not.
 *
 * @param known.isPlanned whether the newest plan of its name still has the flag
 */
export function stalenessOf(
  known: { readonly definition: FlagDefinition; readonly history: FlagHistory; readonly isPlanned: boolean },
  now: number,
  olderThanMs = STALE_AFTER_MS,
): Staleness | null {
  const { definition, history, isPlanned } = known;
  if (definition.retired) return 'retired';
  if (!isPlanned) return 'unplanned';
  const since = fullSince(definition, history);
  return since !== null && now - since > olderThanMs ? 'full' : null;
}
