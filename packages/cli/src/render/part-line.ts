import type { RollbackPart } from '@theseus/core/rollout';
import { formatDuration } from '@theseus/core/time';

/** `✓ undo one/schema in 4m of 5m: restored`: each part with its time against its budget. */
export function partLine({ kind, name, status, durationMs, budgetMs, text }: RollbackPart): string {
  const mark = { done: '✓', 'not-needed': '–', failed: '✗' }[status];
  const what = kind === 'exposure' ? 'exposure' : `${kind} ${name}`;
  const budget = budgetMs === null ? '' : ` of ${formatDuration(budgetMs)}`;
  const over = budgetMs !== null && durationMs > budgetMs ? ', OVER ITS BUDGET' : '';
  return `${mark} ${what} in ${formatDuration(durationMs)}${budget}${over}: ${text}`;
}
