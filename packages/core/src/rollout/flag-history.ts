import type { FlagHistory } from '../flag/index.ts';
import { retirementsOf } from './retirement.ts';
import type { RolloutState } from './state.ts';

/** What a run knows of a flag's past. */
export function flagHistoryOf(state: RolloutState, key: string): FlagHistory {
  const isRetiring = retirementsOf(state, [key]).some((id) => state.steps[id]?.status === 'running');
  return { exposureChangedAt: state.flags[key]?.changedAt ?? null, isRetiring };
}
