import type { MetricComparison, VariantComparison } from './experiment/metric-comparison.ts';

/** What a metric says to a rule that asks whether some variant is worse than legacy. */
export type MetricFinding =
  | { readonly kind: 'worse'; readonly text: string }
  /** Nobody can tell yet; `needs-data` says that it is a matter of users alone. */
  | { readonly kind: 'untold'; readonly text: string; readonly cause?: 'needs-data' }
  | { readonly kind: 'keeps' };

/**
 * Whether some variant is shown to be worse by more than `by`: points of a rate, or units of a value. Only the whole interval counts, so
 * that to look every day raises no false alarm. What is not shown keeps the rule; what cannot be told does not.
 */
export function metricFinding(metric: MetricComparison, by: number): MetricFinding {
  const users = metric.arms.reduce((sum, arm) => sum + arm.users, 0);
  if (metric.problem !== null) {
    return { kind: 'untold', text: metric.problem, ...(users === 0 ? { cause: 'needs-data' } : {}) };
  }
  const scale = metric.measure === 'rate' ? 100 : 1;
  const worse = metric.comparisons.filter((comparison) => isWorseBy(comparison, metric, by / scale));
  if (worse.length > 0) return { kind: 'worse', text: worse.map((each) => comparisonText(each, metric)).join('; ') };
  const lacking = metric.comparisons.filter(({ verdict }) => verdict === 'needs-data');
  if (lacking.length === 0) return { kind: 'keeps' };
  return { kind: 'untold', text: lacking.map((each) => comparisonText(each, metric)).join('; '), cause: 'needs-data' };
}

function isWorseBy({ low, high }: VariantComparison, { better }: MetricComparison, by: number): boolean {
  if (low === null || high === null) return false;
  return better === 'higher' ? high < 0 && high < -by : low > 0 && low > by;
}

const VERDICTS: Readonly<Record<VariantComparison['verdict'], string>> = {
  better: 'better',
  worse: 'worse',
  'no-difference-shown': 'no difference shown',
  'needs-data': 'needs data',
};

/** One comparison in a sentence: the same in events, on the command line and in reports. */
export function comparisonText(comparison: VariantComparison, metric: MetricComparison): string {
  const { variant, control, users, estimate, low, high, verdict, moreUsers, level } = comparison;
  const usual = metric.arms.find((arm) => arm.variant === control)?.estimate ?? null;
  const rates = `${shown(estimate, metric)} of ${users} users, on ${control} ${shown(usual, metric)}`;
  const interval =
    low === null || high === null
      ? ''
      : `, a difference of ${differenceText(low, metric)} to ${differenceText(high, metric)} (${level * 100} % sure at every look)`;
  return `${variant}: ${VERDICTS[verdict]}, ${rates}${interval}${moreText(verdict, moreUsers)}`;
}

function moreText(verdict: VariantComparison['verdict'], moreUsers: number | null): string {
  if (moreUsers === null) return '';
  const about = Number(moreUsers.toPrecision(2));
  return verdict === 'needs-data'
    ? `; about ${about} more users are needed`
    : `; about ${about} more users would show a difference of this size`;
}

function shown(estimate: number | null, { measure }: MetricComparison): string {
  if (estimate === null) return 'nothing';
  return measure === 'rate' ? `${short(estimate * 100)} %` : short(estimate);
}

/** A difference with its sign: points of a rate, units of a value. */
export function differenceText(difference: number, { measure }: Pick<MetricComparison, 'measure'>): string {
  const sign = difference > 0 ? '+' : '';
  return measure === 'rate' ? `${sign}${short(difference * 100)} points` : `${sign}${short(difference)}`;
}

function short(value: number): string {
  return Number(value.toPrecision(3)).toString();
}
