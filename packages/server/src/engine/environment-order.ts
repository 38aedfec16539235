import { TheseusError } from '@theseus/core/error';
import type { Plan } from '@theseus/core/plan';
import type { EarlierRun } from '../postgres/run-store.ts';

/**
 * Lets a plan start only after a run of exactly its content has succeeded in the environment it names as `after`.
 *
 * @param seen the run of the same plan there that says most about this content; null where none ever ran
 * @throws TheseusError `invalid-state` naming the content, what was last seen there, and the mend
 */
export function requireSuccessBefore(plan: Plan, seen: EarlierRun | null): void {
  const { after } = plan;
  if (after === null) return;
  const isSame = seen?.contentHash === plan.contentHash;
  if (isSame && seen.status === 'finished' && seen.outcome === 'succeeded' && !seen.isRollingBack) return;
  const asked = `'${plan.name}' may run in ${plan.environment} only after the same content has succeeded in ${after}, and ${plan.contentHash} has not`;
  const mend = seen !== null && isSame ? mendOfSame(after, seen) : mendOfOther(after);
  throw new TheseusError('invalid-state', `${asked}: ${lastSeen(after, seen, isSame)}; ${mend}`);
}

function lastSeen(after: string, seen: EarlierRun | null, isSame: boolean): string {
  if (seen === null) return `nothing of this plan was ever run in ${after}`;
  const what = isSame ? 'this content' : `other content, ${seen.contentHash || 'without a hash'}`;
  return `last seen there is run ${seen.runId} of ${what}, which ${standing(seen)}`;
}

function standing({ status, outcome, isRollingBack }: EarlierRun): string {
  if (isRollingBack) return 'is being rolled back';
  if (status === 'finished' && outcome !== null) return `ended as ${outcome}`;
  return status === 'paused' ? 'is paused' : 'is still running';
}

function mendOfSame(after: string, seen: EarlierRun): string {
  if (seen.status !== 'finished') return `wait until that run has succeeded (theseus watch ${seen.runId})`;
  return `see why (theseus report ${seen.runId}), mend it, and run the plan in ${after} until it succeeds`;
}

function mendOfOther(after: string): string {
  return `run exactly this plan in ${after} first, or start here what has succeeded there`;
}
