import { comparisonText, type MetricComparison, type PastComparison } from '@theseus/core/health';
import type { FlagView } from '@theseus/core/rollout';
import { utcClock } from './describe-event.ts';

/** What users of a flag have reached, at its exposure now and at those before. */
export function flagMetricLines({ metrics = [], pastMetrics = [] }: FlagView): readonly string[] {
  return [
    ...pastMetrics.flatMap((past) => metricLines(past, past)),
    ...metrics.flatMap((metric) => metricLines(metric)),
  ];
}

/** One metric of one flag: the control, each variant against it, and how sure that is. */
export function metricLines(
  metric: MetricComparison,
  past: Pick<PastComparison, 'exposurePercent' | 'endedAt'> | null = null,
): readonly string[] {
  const { flag, name, goal, better, control, comparisons, problem } = metric;
  const when = past === null ? '' : ` at ${past.exposurePercent} %, until ${utcClock(past.endedAt)} UTC`;
  const title = `${flag}${when}, ${name} (goal ${goal}, ${better} is better)`;
  if (problem !== null) return [`${title}: no result, ${problem}`, ...userLines(metric)];
  return [
    `${title}, against ${control}:`,
    ...comparisons.map((comparison) => `  ${comparisonText(comparison, metric)}`),
  ];
}

/** Who was exposed all the same, where nothing can be compared. */
function userLines({ arms }: MetricComparison): readonly string[] {
  return arms
    .filter(({ users }) => users > 0)
    .map(({ variant, users, conversions }) => `  ${variant}: ${conversions} of ${users} users reached it`);
}
