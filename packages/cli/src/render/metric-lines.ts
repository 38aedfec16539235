import { comparisonText, type MetricComparison } from '@theseus/core/health';

/** One metric of one flag: the control, each variant against it, and how sure that is. */
export function metricLines(metric: MetricComparison): readonly string[] {
  const { flag, name, goal, better, control, comparisons, problem } = metric;
  const title = `${flag}, ${name} (goal ${goal}, ${better} is better)`;
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
