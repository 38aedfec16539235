import type { FlagHistory } from '../flag/index.ts';
import type { RolloutState } from './state.ts';

/** What a run knows of a flag's past. */
export function flagHistoryOf(state: RolloutState, key: string): FlagHistory {
  return { exposureChangedAt: state.flags[key]?.changedAt ?? null, isRetiring: false };
}
