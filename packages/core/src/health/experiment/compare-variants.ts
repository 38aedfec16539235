import { halfWidth } from './confidence-sequence.ts';
import type {
  Metric,
  MetricComparison,
  MetricMeasure,
  MetricVerdict,
  ObservedVariant,
  VariantComparison,
  VariantSums,
} from './metric-comparison.ts';
import { sampleRatioProblem } from './sample-ratio.ts';

/** The interval holds at all looks, for all variants together, with this probability. */
export const METRIC_LEVEL = 0.95;

/**
 * With fewer users in an arm, or fewer in both together who reached the goal or who did not, the normal limit on which the
 * interval rests is too far away.
 */
export const LEAST_USERS = 100;
export const LEAST_CONVERSIONS = 25;

export interface Experiment {
  readonly flag: string;
  readonly metric: Metric;
  /** The control first. */
  readonly variants: readonly ObservedVariant[];
}

/**
 * Compares each variant with the control by one metric. The user is the unit: whoever reaches a goal ten times counts
 * once, or with one value, so that requests of one user need not be independent.
 *
 * Several variants share what may go wrong equally among them (Bonferroni).
 */
export function compareVariants({ flag, metric, variants }: Experiment): MetricComparison {
  const [control, ...others] = variants;
  const arms = variants.map(({ expected, ...sums }) => ({ ...sums, estimate: meanOf(sums, metric.measure) }));
  const common = { ...metric, flag, control: control?.variant ?? '', arms };
  const users = variants.reduce((sum, variant) => sum + variant.users, 0);
  if (control === undefined || others.length === 0 || users === 0) {
    const problem = users === 0 ? 'nobody was exposed yet' : 'there is nothing to compare with';
    return { ...common, comparisons: [], problem };
  }
  const problem = sampleRatioProblem(variants);
  if (problem !== null) return { ...common, comparisons: [], problem };
  const alpha = (1 - METRIC_LEVEL) / others.length;
  return { ...common, comparisons: others.map((variant) => compareTwo(variant, control, metric, alpha)), problem };
}

function compareTwo(variant: VariantSums, control: VariantSums, metric: Metric, alpha: number): VariantComparison {
  const { measure } = metric;
  const [estimate, usual] = [meanOf(variant, measure), meanOf(control, measure)];
  const difference = estimate === null || usual === null ? null : estimate - usual;
  const common = {
    variant: variant.variant,
    control: control.variant,
    users: variant.users,
    conversions: variant.conversions,
    estimate,
    difference,
    level: METRIC_LEVEL,
  };
  const lacking = lackingUsers(variant, control, measure);
  if (lacking > 0 || difference === null) {
    return { ...common, low: null, high: null, verdict: 'needs-data', moreUsers: lacking };
  }
  const half = halfWidthOf([variant, control], measure, alpha, 1);
  const [low, high] = [difference - half, difference + half];
  const verdict = verdictOf(low, high, metric);
  const isOpen = verdict === 'no-difference-shown';
  const moreUsers = isOpen ? usersToShow(difference, [variant, control], measure, alpha) : null;
  return { ...common, low, high, verdict, moreUsers };
}

function verdictOf(low: number, high: number, { better }: Metric): MetricVerdict {
  if (low <= 0 && high >= 0) return 'no-difference-shown';
  return low > 0 === (better === 'higher') ? 'better' : 'worse';
}

/** The mean over users; null without any. */
function meanOf({ users, conversions, value }: VariantSums, measure: MetricMeasure): number | null {
  if (users === 0) return null;
  return (measure === 'rate' ? conversions : value) / users;
}

/**
 * The variance of one user. That of a rate with one more user who converted and one who did not (Agresti and Caffo): a
 * rate of 0 of 100 is not known without error.
 */
function varianceOf({ users, conversions, value, squares }: VariantSums, measure: MetricMeasure): number {
  if (measure === 'rate') {
    const rate = (conversions + 1) / (users + 2);
    return rate * (1 - rate);
  }
  const mean = value / users;
  return (Math.max(0, squares / users - mean * mean) * users) / Math.max(1, users - 1);
}

/**
 * Half the width of the interval of the difference of two means, once there are `times` as many users. Both arms are one sequence of
 * n users, each of whom tells of the difference with the variance n (v1/n1 + v2/n2), as in the paper's sequences for
 * randomised experiments with the arms' own means for regression.
 */
function halfWidthOf(arms: readonly VariantSums[], measure: MetricMeasure, alpha: number, times: number): number {
  const n = arms.reduce((sum, { users }) => sum + users, 0);
  const variance = arms.reduce((sum, arm) => sum + varianceOf(arm, measure) / arm.users, 0);
  return halfWidth(Math.sqrt(n * variance), n * times, alpha);
}

function lackingUsers(variant: VariantSums, control: VariantSums, measure: MetricMeasure): number {
  const users = variant.users + control.users;
  const reached = variant.conversions + control.conversions;
  // Where nearly all reach it, those who do not are the rare ones.
  const conversions = measure === 'rate' ? Math.min(reached, users - reached) : reached;
  const missing = [variant, control].reduce((sum, arm) => sum + Math.max(0, LEAST_USERS - arm.users), 0);
  if (conversions >= LEAST_CONVERSIONS) return missing;
  // At the rate so far; as many again where nobody has come so far.
  const more = conversions === 0 ? users : Math.ceil((users * (LEAST_CONVERSIONS - conversions)) / conversions);
  return Math.max(missing, more, 1);
}

const MOST_TIMES = 1_000;

function usersToShow(
  difference: number,
  arms: readonly VariantSums[],
  measure: MetricMeasure,
  alpha: number,
): number | null {
  const isShown = (times: number): boolean => halfWidthOf(arms, measure, alpha, times) < Math.abs(difference);
  if (!isShown(MOST_TIMES)) return null;
  let [low, high] = [1, MOST_TIMES];
  while (high - low > low / 1_000) {
    const middle = Math.sqrt(low * high);
    if (isShown(middle)) high = middle;
    else low = middle;
  }
  const users = arms.reduce((sum, arm) => sum + arm.users, 0);
  return Math.ceil(users * (high - 1));
}
